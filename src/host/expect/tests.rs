//! The words of each matcher's failure, and what counts as judged.

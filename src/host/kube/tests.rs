//! The module against real clusters.

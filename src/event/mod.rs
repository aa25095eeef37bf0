//! What happens, as plain data. The runner and the host emit events; the terminal, the record and
//! the reports are listeners, and none of them learns anything in another way.

mod answer;
mod bus;
mod effect;
mod former;
mod info;
mod number;
mod outcome;
mod result;
mod span;
mod undo;
mod what;

#[cfg(test)]
mod samples;

pub use answer::{Answer, Body};
pub use bus::{Bus, Filter, Listener};
pub use effect::Effect;
pub use former::{EvidenceFile, Former, How, Outstanding};
pub use info::{ModuleInfo, PlaybookInfo, SettingInfo, StepInfo};
pub use outcome::Outcome;
pub use result::{Failure, Metric, StepResult};
#[cfg(test)]
pub(crate) use samples::one_of_each;
pub use span::{exact, short};
pub use undo::{FieldChange, LedgerRow, ObjectRef, Owned, Undo};
pub use what::{Event, What};

//! The folder of stand-ins: a script under the name of each tool.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::TOOLS;
use crate::error::{Error, Kind, Result};

/// Writes the scripts into the folder `bin` of a lab's folder; they call a program, which is this one.
///
/// # Errors
/// [`Kind::Io`]: one can't be written.
pub fn write(dir: &Path, program: &Path) -> Result<()> {
    let bin = dir.join("bin");
    let failed = |e: std::io::Error| Error::new(Kind::Io, format!("{} can't be written", bin.display())).caused_by(&e);
    std::fs::create_dir_all(&bin).map_err(failed)?;
    let quoted = |path: &Path| {
        let text = path.to_string_lossy().into_owned();
        shlex::try_quote(&text).map(std::borrow::Cow::into_owned).unwrap_or(text)
    };
    let dir = std::path::absolute(dir).map_err(failed)?;
    for tool in &TOOLS {
        let text =
            format!("#!/bin/sh\nexec {} lab tool --dir {} {} -- \"$@\"\n", quoted(program), quoted(&dir), tool.name);
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o700).open(bin.join(tool.name)).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
    }
    Ok(())
}

//! `file::` — files beside the playbook: read, written, found.

mod glob;

use std::path::{Path, PathBuf};

use rhai::{Array, Blob, Dynamic, Map, NativeCallContext};
use serde_json::json;

use crate::client::sh::quoted;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::object::population::answer;
use crate::host::{Call, Context, HostResult, Module, Needs, Options, Registrar, paths};

/// The options of `file::write`.
const OPTIONS: &[&str] = &["overwrite"];

pub(crate) const MODULE: Module =
    Module { name: "file", about: "Files: read, write, find", needs: Needs::Nothing, register };

/// The largest file that is read: what a script's string can hold.
const LARGEST: u64 = 64 << 20;

fn register(m: &mut Registrar) {
    m.path("read")
        .sig("(path: string) -> string")
        .effect(Effect::Read)
        .doc("The text of a file. A relative path counts from the playbook's folder, `~/` from the home folder. Throws `io` when it is missing, not a plain file, larger than 64 MiB, or not UTF-8. Credentials are read by `secret::file`, which keeps them out of the record.")
        .example(r#"file::read("/etc/hosts").contains("localhost")"#)
        .add(|at: NativeCallContext, path: &str| read(&at, "file::read", path));
    m.path("lines")
        .sig("(path: string) -> array of strings")
        .effect(Effect::Read)
        .doc("The lines of a file, without their ends. Otherwise as `file::read`.")
        .example(r#"file::lines("/etc/hosts").len() > 0"#)
        .add(|at: NativeCallContext, path: &str| -> HostResult<Array> {
            Ok(read(&at, "file::lines", path)?.lines().map(|line| line.to_string().into()).collect())
        });
    m.path("read_bytes")
        .sig("(path: string) -> blob")
        .effect(Effect::Read)
        .doc("The bytes of a file. Otherwise as `file::read`.")
        .example(r#"file::read_bytes("/etc/hosts").len() > 0"#)
        .add(|at: NativeCallContext, path: &str| -> HostResult<Blob> {
            let cx = Context::current()?;
            let file = paths::resolve(&cx, &at, path);
            Ok(cx.call_with(&at, call("file::read_bytes", "cat", &file), |b: &Vec<u8>| bytes(b.len()), async {
                load(&file)
            })?)
        });
    m.path("exists")
        .sig("(path: string) -> bool")
        .effect(Effect::Read)
        .doc("Whether there is a file or folder of this name. Throws `io` when that cannot be found out.")
        .example(r#"file::exists("/etc/hosts") && !file::exists("/etc/no-such-file")"#)
        .add(|at: NativeCallContext, path: &str| -> HostResult<bool> {
            let cx = Context::current()?;
            let file = paths::resolve(&cx, &at, path);
            Ok(cx.call(&at, call("file::exists", "test -e", &file), async {
                file.try_exists().map_err(|e| failed("look for", &file, &e))
            })?)
        });
    m.path("glob")
        .sig("(pattern: string) -> array of strings")
        .effect(Effect::Read)
        .doc("The names of the files and folders that fit a pattern (`*`, `?`, `[a-z]`, `**` for folders at any depth), in alphabetical order; none is an empty array. Where the folder that the pattern names does not exist, nothing was looked at: an `expect` that the empty array satisfies is inconclusive. They come back as paths that `file::read` takes.")
        .example(r#"file::glob("/etc/host*").contains("/etc/hosts")"#)
        .add(|at: NativeCallContext, pattern: &str| -> HostResult<Dynamic> {
            let cx = Context::current()?;
            let full = paths::resolve(&cx, &at, pattern);
            let line = format!("ls -d {}", full.display());
            let call = Call::new("file::glob", line).args(json!({ "pattern": full }));
            let found = cx.call_with(&at, call, |(f, _): &(Vec<String>, bool)| format!("{} files", f.len()), async {
                Ok((glob::find(&full)?, glob::base(&full).is_dir()))
            })?;
            let (names, looked) = found;
            Ok(answer(names.into_iter().map(Into::into).collect::<Array>(), looked))
        });
    m.path("write")
        .sig("(path: string, text: string | blob, options?: map) -> ()")
        .options(OPTIONS)
        .effect(Effect::Write)
        .doc("Writes a file whole: a reader sees the old content or the new one, nothing between. Folders on the way are made. Nothing undoes it, because what a step writes is what somebody wants to keep; so a file that is there already is left alone with an error, unless `options` has `overwrite: true`. For what belongs to the report use `t.evidence`.")
        .example(r#"let f = "/tmp/pb-example.txt"; file::write(f, "y", #{ overwrite: true }); file::read(f) == "y""#)
        .add(|at: NativeCallContext, path: &str, text: &str| write(&at, path, text.as_bytes(), Map::new()))
        .add(|at: NativeCallContext, path: &str, text: &str, options: Map| write(&at, path, text.as_bytes(), options))
        .add(|at: NativeCallContext, path: &str, bytes: Blob| write(&at, path, &bytes, Map::new()))
        .add(|at: NativeCallContext, path: &str, bytes: Blob, options: Map| write(&at, path, &bytes, options));
}

fn call(function: &'static str, command: &str, file: &Path) -> Call {
    Call::new(function, format!("{command} {}", quoted(&file.to_string_lossy()))).args(json!({ "path": file }))
}

fn bytes(count: usize) -> String {
    format!("{count} bytes")
}

fn failed(what: &str, file: &Path, e: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot {what} {}", file.display())).caused_by(e)
}

fn read(at: &NativeCallContext, function: &'static str, path: &str) -> HostResult<String> {
    let cx = Context::current()?;
    let file = paths::resolve(&cx, at, path);
    Ok(cx.call_with(at, call(function, "cat", &file), |t: &String| bytes(t.len()), async { text(&file) })?)
}

/// The text of a plain file.
pub(crate) fn text(file: &Path) -> Result<String, Error> {
    String::from_utf8(load(file)?).map_err(|e| {
        Error::new(Kind::Io, format!("{} is not UTF-8 text", file.display()))
            .because(e.utf8_error())
            .hint("file::read_bytes gives the bytes")
    })
}

fn load(file: &Path) -> Result<Vec<u8>, Error> {
    let about = file.metadata().map_err(|e| {
        let error = failed("read", file, &e);
        if file.is_absolute() { error } else { error.hint("relative paths count from the playbook's folder") }
    })?;
    // A pipe or a device could keep the call waiting, and nothing could end it.
    if !about.is_file() {
        let what = if about.is_dir() { "a folder" } else { "not a plain file" };
        return Err(Error::new(Kind::Io, format!("cannot read {}: it is {what}", file.display())));
    }
    if about.len() > LARGEST {
        let mib = about.len() >> 20;
        return Err(Error::new(
            Kind::Io,
            format!("{} is {mib} MiB, more than the 64 MiB that can be read", file.display()),
        ));
    }
    std::fs::read(file).map_err(|e| failed("read", file, &e))
}

fn write(at: &NativeCallContext, path: &str, content: &[u8], options: Map) -> HostResult<()> {
    let options = Options::new(options, "file::write", OPTIONS)?;
    let overwrite = options.bool("overwrite")?.unwrap_or(false);
    let cx = Context::current()?;
    let file = paths::resolve(&cx, at, path);
    let line = format!("cat > {} # {}", quoted(&file.to_string_lossy()), bytes(content.len()));
    let digest = super::hash::sha256(content);
    let call = Call::new("file::write", line)
        .effect(Effect::Write)
        .args(json!({ "path": file, "sha256": digest, "overwrite": overwrite }));
    let mark = cx.world.mark().to_string();
    Ok(cx.call(at, call, async { store(&file, content, overwrite, &mark) })?)
}

fn store(file: &Path, content: &[u8], overwrite: bool, mark: &str) -> Result<(), Error> {
    if !overwrite && file.exists() {
        return Err(Error::new(Kind::Io, format!("{} is there already", file.display()))
            .hint("file::write(path, text, #{ overwrite: true }) replaces it"));
    }
    place(file, content, mark)
}

/// Puts a file in its place whole, and makes the folders on the way. `mark` tells the runs apart that may do so at once.
///
/// # Errors
/// [`Kind::Io`]
pub(crate) fn place(file: &Path, content: &[u8], mark: &str) -> Result<(), Error> {
    let name = file.file_name().ok_or_else(|| Error::new(Kind::Io, format!("{} names no file", file.display())))?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed("make the folder", folder, &e))?;
    }
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{mark}"));
    let beside: PathBuf = file.with_file_name(beside);
    let written = std::fs::write(&beside, content).and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&beside);
        failed("write", file, &e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pb-file-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn script(&self, script: &str) -> Result<Dynamic, Error> {
            eval(&script.replace('@', &self.0.display().to_string()))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_written_once_and_replaced_only_when_asked() {
        let folder = Folder::new("write");
        folder.script("file::write(`@/sub/a.txt`, \"one\"); true").unwrap().as_bool().unwrap();
        let error = folder.script("file::write(`@/sub/a.txt`, \"two\")").unwrap_err();
        assert_eq!(error.kind, Kind::Io);
        assert!(error.message.ends_with("a.txt is there already"), "{error}");
        let script = "file::write(`@/sub/a.txt`, \"two\\n\", #{ overwrite: true }); true";
        folder.script(script).unwrap().as_bool().unwrap();
        assert_eq!(folder.script("file::lines(`@/sub/a.txt`)").unwrap().into_array().unwrap().len(), 1);
        let names: Vec<_> = std::fs::read_dir(folder.0.join("sub")).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = Folder::new("read");
        std::fs::write(folder.0.join("bin"), [0xff, 0xfe]).unwrap();
        assert!(folder.script("file::read(`@/bin`)").unwrap_err().message.contains("not UTF-8"));
        assert_eq!(folder.script("file::read_bytes(`@/bin`)").unwrap().into_blob().unwrap(), [0xff, 0xfe]);
        assert!(folder.script("file::read(`@`)").unwrap_err().message.contains("a folder"));
        let error = folder.script("file::read(`@/none`)").unwrap_err();
        assert!(error.message.contains("cannot read") && error.causes[0].contains("No such file"), "{error}");
        assert!(folder.script("file::read(\"/dev/zero\")").unwrap_err().message.contains("not a plain file"));
    }

    #[test]
    fn patterns_find_files_in_order() {
        let folder = Folder::new("glob");
        for name in ["b.yaml", "a.yaml", "c.txt"] {
            std::fs::write(folder.0.join(name), "").unwrap();
        }
        let found = folder.script("file::glob(`@/*.yaml`).map(|f| regex::find(f, `[^/]+$`))").unwrap();
        let found: Vec<String> = found.into_typed_array().unwrap();
        assert_eq!(found, ["a.yaml", "b.yaml"]);
        assert!(folder.script("file::glob(`@/nothing*`).len() == 0").unwrap().as_bool().unwrap());
    }

    #[test]
    fn a_call_at_top_level_is_refused() {
        let engine = crate::script::engine::build();
        let error = engine.eval::<String>(r#"file::read("/etc/hosts")"#).unwrap_err();
        assert_eq!(crate::script::diagnose::from_rhai(&error, None).kind, Kind::Playbook);
    }
}

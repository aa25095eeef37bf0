//! `pb`: reads the command line, runs it, ends with its exit code.

fn main() -> std::process::ExitCode {
    pb::cli::main()
}

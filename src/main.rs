//! The program: it only returns the exit code.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}

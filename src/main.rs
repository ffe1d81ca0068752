//! The program: its exit code, nothing else.

mod cli;

/// Row groups of all sizes come and go on all threads. The system's allocator keeps a part of each; this one does not.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}

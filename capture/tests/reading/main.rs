//! Reading capture files from outside: files made here, hostile variants of them, and real ones.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, outside of test functions")]

mod build;
mod corpora;
mod filtering;
mod formats;
mod hostile;
mod inputs;
mod merging;
mod shrinking;

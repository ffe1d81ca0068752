//! One page, complete in one file.
use super::figures::Results;
use partiquet::Result;
pub fn render(results: &Results) -> Result<String> {
    let _ = results;
    Ok(String::new())
}

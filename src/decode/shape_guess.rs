//! Guesses the shape of a record: nearly always it is that of the record before.

use super::envelope::Shape;

/// After two wrong guesses so close to each other, the shape of this many records is looked up: where shapes alternate,
/// each guess is wrong, and a wrong one costs two walks more. Where they change seldom, guessing is faster.
const SUSPENDED: u8 = 16;

/// See [`SUSPENDED`].
const FREQUENT_WRONG: u8 = 4;

/// The guess, and how good the last ones were.
#[derive(Debug, Clone)]
pub struct ShapeGuess {
    last: Shape,
    /// For this many further records the shape is looked up.
    suspended: u8,
    /// How many records ago a guess was wrong.
    since_wrong: u8,
}

impl Default for ShapeGuess {
    fn default() -> Self {
        Self { last: None, suspended: 0, since_wrong: u8::MAX }
    }
}

impl ShapeGuess {
    /// Begins the next record, and returns the guess for it.
    #[inline(always)]
    pub const fn begin_record(&mut self) -> Shape {
        self.since_wrong = self.since_wrong.saturating_add(1);
        self.last
    }

    /// Whether the shape should be looked up instead.
    #[inline(always)]
    pub const fn is_suspended(&self) -> bool {
        self.suspended > 0
    }

    /// Notes the shape that was looked up while guessing was suspended: it begins again once enough guesses in a row
    /// would have been right.
    pub fn looked_up(&mut self, shape: Shape) {
        self.suspended = if shape == self.last { self.suspended.saturating_sub(1) } else { SUSPENDED };
    }

    /// Notes the shape that a record turned out to have.
    #[inline(always)]
    pub const fn settle(&mut self, shape: Shape) {
        self.last = shape;
    }

    /// Notes a wrong guess.
    pub const fn was_wrong(&mut self) {
        if self.since_wrong <= FREQUENT_WRONG {
            self.suspended = SUSPENDED;
        }
        self.since_wrong = 0;
    }
}

//! A part of a plan, measured by one of several processes at the same time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which part of how many; written `2/5`, counted from 1 for people and from 0 here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Shard {
    index: usize,
    of: usize,
}

/// The stored form, which a reader checks.
#[derive(Serialize, Deserialize)]
struct Written {
    index: usize,
    of: usize,
}

/// The text or the numbers name no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a part is written as in 2/5: from 1 up to the number of parts, of which there are at most {MOST}"
)]
pub struct NoShard;

/// The most parts a plan can be divided into; each still has lanes for a few workers.
const MOST: usize = 100;

impl Shard {
    /// All of the plan.
    pub const fn whole() -> Self {
        Self { index: 0, of: 1 }
    }

    /// Part `index`, from 0, of `of`.
    ///
    /// # Errors
    /// When there is no such part, or too many.
    pub const fn new(index: usize, of: usize) -> Result<Self, NoShard> {
        if index < of && of <= MOST {
            Ok(Self { index, of })
        } else {
            Err(NoShard)
        }
    }

    /// From 0.
    pub const fn index(self) -> usize {
        self.index
    }

    pub const fn of(self) -> usize {
        self.of
    }

    /// This part's share of connections or users; the first parts take what does not divide.
    pub const fn share(self, total: usize) -> usize {
        let extra = if self.index < total % self.of { 1 } else { 0 };
        total / self.of + extra
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::whole()
    }
}

impl fmt::Display for Shard {
    /// `2 of 5`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.index + 1, self.of)
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let (part, of) = text.split_once('/').ok_or(NoShard)?;
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| NoShard);
        let index = number(part)?.checked_sub(1).ok_or(NoShard)?;
        Self::new(index, number(of)?)
    }
}

impl TryFrom<Written> for Shard {
    type Error = NoShard;

    fn try_from(written: Written) -> Result<Self, NoShard> {
        Self::new(written.index, written.of)
    }
}

impl From<Shard> for Written {
    fn from(Shard { index, of }: Shard) -> Self {
        Self { index, of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_written_from_one_and_lies_within_the_whole() {
        let part: Shard = "2/5".parse().expect("a part");
        assert_eq!((part.index(), part.of()), (1, 5));
        assert_eq!(part.to_string(), "2 of 5");
        for wrong in ["0/5", "6/5", "2", "2/0", "-1/5", "a/b", "1/101", ""] {
            assert_eq!(wrong.parse::<Shard>(), Err(NoShard), "{wrong}");
        }
        assert!(serde_json::from_str::<Shard>(r#"{"index":5,"of":5}"#).is_err());
    }

    #[test]
    fn shares_add_up_and_the_first_take_the_rest() {
        for of in 1..=9 {
            for total in 0..40 {
                let shares: Vec<_> = (0..of)
                    .map(|i| Shard::new(i, of).expect("a part").share(total))
                    .collect();
                assert_eq!(shares.iter().sum::<usize>(), total);
                assert!(shares.is_sorted_by(|a, b| a >= b && a - b <= 1));
            }
        }
    }
}

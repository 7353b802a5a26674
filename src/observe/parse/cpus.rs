//! Lists of CPUs as the kernel writes them: `0-3,8`.

/// No machine has more; a longer list is none.
const MOST: usize = 1 << 14;

/// The numbers of a list, ascending and each once; None for what is no list. An empty text is an empty list.
pub(in crate::observe) fn list(text: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last < first || (last - first) as usize >= MOST - all.len().min(MOST) {
            return None;
        }
        all.extend(first..=last);
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_numbers_are_one_list() {
        assert_eq!(list("0-3,8\n"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(list("8,0-1,1"), Some(vec![0, 1, 8]));
        assert_eq!(list(""), Some(Vec::new()));
        for wrong in ["a", "3-1", "0-4294967295", "0-", "-1"] {
            assert_eq!(list(wrong), None, "{wrong}");
        }
    }
}

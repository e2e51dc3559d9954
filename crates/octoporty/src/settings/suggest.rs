//! Finds the known name that is nearest to a mistyped one.

/// Names further away than this many edits are no help.
const FARTHEST: usize = 8;

/// The nearest of `known` to `name`, compared without case; `None` when nothing is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= FARTHEST.min(name.chars().count() / 2))
        .map(|(_, candidate)| candidate)
}

/// Edit distance: insertions, deletions, substitutions.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn nearest_ignores_case_and_refuses_far_names() {
        let known = ["Gateway__ApiKey", "Gateway__Port"];
        assert_eq!(nearest("gateway__apikye", known.into_iter()), Some("Gateway__ApiKey"));
        assert_eq!(nearest("Gateway__Something__Else", known.into_iter()), None);
        assert_eq!(nearest("x", known.into_iter()), None);
    }
}

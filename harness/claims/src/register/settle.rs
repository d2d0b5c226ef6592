//! Which evidence settles which claim.

use phoenix_evidence::finding::Level;

/// Whether evidence gathered at `evidence` settles a claim that speaks of `needed`.
///
/// This is no simple order: an emulated cloud answers for a control plane but runs no application,
/// and a mirror with upstream images answers for applications but knows no cloud.
#[must_use]
pub fn settles(evidence: Level, needed: Level) -> bool {
    match needed {
        Level::Embedded => true,
        Level::MirrorUnderstudies => !matches!(evidence, Level::Embedded | Level::EmulatedCloud),
        Level::MirrorAirgapped => {
            evidence == Level::MirrorAirgapped || settles(evidence, Level::MirrorUpstream)
        }
        Level::MirrorUpstream => {
            matches!(
                evidence,
                Level::MirrorUpstream | Level::Rehearsal | Level::RealAccount
            )
        }
        Level::EmulatedCloud => matches!(evidence, Level::EmulatedCloud | Level::RealAccount),
        Level::Rehearsal => matches!(evidence, Level::Rehearsal | Level::RealAccount),
        Level::RealAccount => evidence == Level::RealAccount,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Level; 7] = [
        Level::Embedded,
        Level::MirrorUnderstudies,
        Level::MirrorAirgapped,
        Level::MirrorUpstream,
        Level::EmulatedCloud,
        Level::Rehearsal,
        Level::RealAccount,
    ];

    #[test]
    fn a_real_account_settles_everything_and_each_level_itself() {
        for level in ALL {
            assert!(settles(Level::RealAccount, level));
            assert!(settles(level, level));
            assert_eq!(
                settles(level, Level::RealAccount),
                level == Level::RealAccount
            );
        }
    }

    #[test]
    fn an_airgapped_mirror_says_more_than_understudies_and_less_than_upstream() {
        assert!(settles(Level::MirrorAirgapped, Level::MirrorUnderstudies));
        assert!(settles(Level::MirrorUpstream, Level::MirrorAirgapped));
        assert!(!settles(Level::MirrorAirgapped, Level::MirrorUpstream));
        assert!(!settles(Level::MirrorUnderstudies, Level::MirrorAirgapped));
    }

    #[test]
    fn an_emulated_cloud_says_nothing_of_an_application() {
        assert!(!settles(Level::EmulatedCloud, Level::MirrorUpstream));
        assert!(!settles(Level::EmulatedCloud, Level::MirrorUnderstudies));
        assert!(!settles(Level::MirrorUpstream, Level::EmulatedCloud));
    }
}

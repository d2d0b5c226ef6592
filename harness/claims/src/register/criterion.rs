//! A measured value against a row of the success criteria.

use phoenix_evidence::finding::{CheckKind, CheckResult};

use crate::document::{Claim, Quantity, Unit, Value};

/// How a measured value stands to a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It meets the target.
    Met,
    /// It does not, and is no worse than the document says of today.
    NotMet,
    /// It is worse than the document says of today.
    Worse,
}

/// Compares; `None` when the values are words, or count something else than was measured.
pub(super) fn standing(claim: &Claim, result: &CheckResult) -> Option<Standing> {
    let measured = result.measured?;
    let target = claim.value("target")?;
    let current = claim.value("current");
    let target_value = in_unit(result.check, measured, target)?;
    let lower_is_better = lower_is_better(result.check);
    let (low, high) = target.interval()?;
    let met = target.allows(target_value)?
        || if lower_is_better {
            target_value < low
        } else {
            target_value > high
        };
    if met {
        return Some(Standing::Met);
    }
    let worse = current.is_some_and(|current| {
        let bounds = in_unit(result.check, measured, current).zip(current.interval());
        bounds.is_some_and(|(value, (low, high))| {
            if lower_is_better {
                value > high
            } else {
                value < low
            }
        })
    });
    Some(if worse {
        Standing::Worse
    } else {
        Standing::NotMet
    })
}

/// Everything that is measured today is better when there is less of it.
fn lower_is_better(check: CheckKind) -> bool {
    matches!(
        check,
        CheckKind::Rto
            | CheckKind::Rpo
            | CheckKind::DataLoss
            | CheckKind::ManualSteps
            | CheckKind::ManualStep
    )
}

/// The measured value in the unit of a quantity, where that unit fits the check.
fn in_unit(check: CheckKind, measured: f64, quantity: &Quantity) -> Option<f64> {
    let Value::Number { unit, high, .. } = quantity.value else {
        return None;
    };
    match (check, unit) {
        (CheckKind::Rto | CheckKind::Rpo | CheckKind::ManualStep, Unit::Seconds)
        | (CheckKind::ManualSteps, Unit::Count) => Some(measured),
        (CheckKind::DataLoss, Unit::Percent) => Some(measured * 100.0),
        // Nothing is nothing in every unit.
        (_, Unit::Count) if high == 0.0 => Some(measured),
        _ => None,
    }
}

//! The rule: a run used more tokens than it may. It is an example that works: change it into yours. Safe Rust, nothing of
//! the host.

/// What operators can set in detectors.yml.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    pub max_tokens: i64,
    pub severe_ratio: f64,
}

/// A rule over values that are fine each by itself; the text goes to the operator.
pub fn check(params: &Params) -> Result<(), &'static str> {
    if params.severe_ratio > 1.0 {
        Ok(())
    } else {
        Err("severe_ratio must be above 1: every signal would be severe")
    }
}

/// A model call of the run, as far as the rule needs it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub step: i32,
    pub tokens: i64,
}

/// What was found; its fields become the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub total_tokens: i64,
    pub llm_calls: i64,
    pub largest_step: i32,
    pub largest_tokens: i64,
    pub severe: bool,
    pub confidence: f64,
}

pub fn judge(calls: impl Iterator<Item = Call>, params: &Params) -> Option<Finding> {
    let mut total: i64 = 0;
    let mut count = 0;
    let mut largest = Call { step: 0, tokens: 0 };
    for call in calls {
        // Numbers are whatever a stranger sent: sums must not overflow.
        total = total.saturating_add(call.tokens);
        count += 1;
        if call.tokens > largest.tokens {
            largest = call;
        }
    }
    if total <= params.max_tokens {
        return None;
    }
    let ratio = total as f64 / params.max_tokens as f64;
    Some(Finding {
        total_tokens: total,
        llm_calls: count,
        largest_step: largest.step,
        largest_tokens: largest.tokens,
        severe: ratio >= params.severe_ratio,
        confidence: (ratio / 2.0).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tokens: &[i64], max_tokens: i64) -> Option<Finding> {
        let calls = tokens.iter().enumerate().map(|(i, &tokens)| Call { step: i as i32 + 1, tokens });
        judge(calls, &Params { max_tokens, severe_ratio: 2.0 })
    }

    #[test]
    fn at_the_budget_is_fine() {
        assert_eq!(found(&[500, 1000], 1500), None);
    }

    #[test]
    fn above_the_budget_names_the_largest_call() {
        let finding = found(&[500, 1000], 1000).unwrap();
        assert_eq!((finding.total_tokens, finding.largest_step, finding.largest_tokens), (1500, 2, 1000));
        assert_eq!((finding.severe, finding.confidence), (false, 0.75));
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        assert_eq!(found(&[i64::MAX, i64::MAX], 1000).unwrap().confidence, 1.0);
    }
}

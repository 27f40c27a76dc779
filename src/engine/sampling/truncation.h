// Stages that drop candidates. Each leaves at least one; none changes a logit.
#pragma once

#include "engine/sampling/candidates.h"

namespace tael {

// The k best. REQUIRES: k > 0.
void KeepTopK(int k, Candidates& candidates);

// The shortest run of best ones whose probabilities sum to at least p; the best one alone for p =
// 0. Source: nucleus sampling, Holtzman et al., arXiv:1904.09751.
void KeepTopP(float p, Candidates& candidates);

// Those with at least p times the probability of the best. Source: arXiv:2407.01082.
void KeepMinP(float p, Candidates& candidates);

// Those whose surprise -ln p is nearest to the entropy, as few as sum to at least p. In the order
// by logit they are one run, which grows from the place of the entropy to the nearer side (to the
// better side on ties). Source: locally typical sampling, Meister et al., arXiv:2202.00666.
void KeepTypical(float p, Candidates& candidates);

// Logits >= highest - n * sigma, sigma the population standard deviation of the candidates' logits.
// Source: arXiv:2411.07641.
void KeepTopNSigma(float n, Candidates& candidates);

// XTC after its coin fell: when several candidates have probability >= threshold, drops all of
// these but the least probable. Source: "exclude top choices", P. E. Weidmann 2024.
void ExcludeTopChoices(float threshold, Candidates& candidates);

}  // namespace tael

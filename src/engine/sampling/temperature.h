// Temperature, fixed or depending on the entropy.
#pragma once

#include "engine/sampling/candidates.h"

namespace tael {

// p_i becomes proportional to p_i^(1 / temperature). REQUIRES: temperature > 0.
void ApplyTemperature(float temperature, Candidates& candidates);

// low + (high - low) * (H / ln n)^exponent with low = max(0, temperature - range), high =
// temperature + range, H the entropy and n the number of candidates; `temperature` for n = 1. A
// result below 1e-3 is raised to it: the best candidates alone.
float DynamicTemperature(float temperature, float range, float exponent, Candidates& candidates);

}  // namespace tael

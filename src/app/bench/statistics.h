// Order statistics of repeated measurements.
#pragma once

#include <vector>

namespace tael {

struct Summary {
  double median = 0, min = 0, max = 0;
  double spread = 0;  // (max - min) / median; 0 when the median is 0
};

// The middle value; of an even number of values, the mean of the two in the middle; 0 of none.
double Median(std::vector<double> values);

Summary Summarize(const std::vector<double>& values);

}  // namespace tael

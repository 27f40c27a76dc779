// A stable sort that stays within its bounds whatever the comparison answers: templates can compare
// NaN and lists that change. The standard library's sorts promise nothing then.
#pragma once

#include <algorithm>
#include <utility>

#include "text/jinja/heap.h"

namespace tael::jinja {

// Bottom-up merge sort. `less(a, b)` may throw; `items` then holds its elements in some order.
template <typename T, typename Less>
void StableSort(Heap& heap, Vector<T>& items, Less less) {
  Vector<T> merged(items, &heap);
  const size_t n = items.size();
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * width) {
      const size_t middle = std::min(begin + width, n), end = std::min(begin + 2 * width, n);
      size_t left = begin, right = middle;
      for (size_t out = begin; out < end; ++out) {
        const bool take_right = left == middle || (right < end && less(items[right], items[left]));
        merged[out] = items[take_right ? right++ : left++];
      }
    }
    std::swap(items, merged);
  }
}

}  // namespace tael::jinja

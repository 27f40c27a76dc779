// Whether the target of a conversion is free: checked before anything is written.
#pragma once

#include <string>
#include <vector>

namespace tael {

// `target`, or parts of a set of this name, are there: replaced only with `force`, and only when
// `paths`, the new files, replace all of them. Throws kInvalidArgument.
void CheckGgufTarget(const std::string& target, const std::vector<std::string>& paths, bool force);

// `names` are the new weight files. A directory with files is written into only with `force`, and
// only when it holds no weights, tokenizer or template that would stay and be read with the new
// model. Throws kInvalidArgument.
void CheckSafetensorsTarget(const std::string& directory, const std::vector<std::string>& names,
                            bool force);

}  // namespace tael

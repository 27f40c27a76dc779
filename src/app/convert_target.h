// Whether the target of a conversion is free: checked before anything is written.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/open.h"

namespace tael {

// Whether `target` is of the other kind than the source at `path`: safetensors and llama2.c's
// arrays become a file NAME.gguf, a GGUF file becomes a directory. Throws kInvalidArgument.
void CheckTargetKind(Container from, const std::string& path, const std::string& target);

// `target`, or parts of a set of this name, are there: replaced only with `force`, and only when
// `paths`, the new files, replace all of them. Throws kInvalidArgument.
void CheckGgufTarget(const std::string& target, const std::vector<std::string>& paths, bool force);

// `names` are the new weight files. A directory with files is written into only with `force`, and
// only when it holds no weights, tokenizer or template that would stay and be read with the new
// model. Throws kInvalidArgument.
void CheckSafetensorsTarget(const std::string& directory, const std::vector<std::string>& names,
                            bool force);

// `removed` are files of `directory`, the target, that the new model has not. Beside the source, in
// `source_directory`, they are the source's own: throws kInvalidArgument.
void CheckSourceStaysWhole(const std::string& source_directory, const std::string& directory,
                           const std::vector<std::string>& removed);

}  // namespace tael

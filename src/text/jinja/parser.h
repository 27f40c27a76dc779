// Templates to syntax trees.
#pragma once

#include <memory>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace tael::jinja {

// Throws SyntaxFault; Fault(kExhausted) when the template is too large or too deeply nested.
// `max_depth` limits nested expressions and nested blocks.
std::unique_ptr<const Program> ParseTemplate(std::string_view source, const SyntaxOptions& options,
                                             const Budget& budget, int max_depth);

}  // namespace tael::jinja

// The checks of `tael verify`, one function per golden kind. None throws for what is wrong with a
// golden or a model: that becomes a row.
#pragma once

#include <vector>

#include "app/verify/golden.h"

namespace tael {

std::vector<VerifyRow> CheckDecoderGolden(const Golden& golden, const VerifyContext& context);
std::vector<VerifyRow> CheckLoraGolden(const Golden& golden, const VerifyContext& context);
std::vector<VerifyRow> CheckDequantGolden(const Golden& golden);
std::vector<VerifyRow> CheckQuantizeGolden(const Golden& golden);
std::vector<VerifyRow> CheckQuantizeErrorGolden(const Golden& golden);
std::vector<VerifyRow> CheckTokenizerGolden(const Golden& golden, const VerifyContext& context);
std::vector<VerifyRow> CheckVocabularyGolden(const Golden& golden, const VerifyContext& context);
std::vector<VerifyRow> CheckTemplateGolden(const Golden& golden, const VerifyContext& context);
std::vector<VerifyRow> CheckReferenceGolden(const Golden& golden, const VerifyContext& context);
std::vector<VerifyRow> CheckStoriesGolden(const Golden& golden, const VerifyContext& context);

std::vector<VerifyRow> CheckGolden(const Golden& golden, const VerifyContext& context);

}  // namespace tael

// The commands below `tael eval`, one per file.
#pragma once

#include "app/command.h"

namespace tael {

Command AddEvalPerplexityCommand(CommandParser& eval);
Command AddEvalCompareCommand(CommandParser& eval);

}  // namespace tael

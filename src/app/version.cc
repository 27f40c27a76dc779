#include "app/version.h"

namespace tael {

const char* Version() { return TAEL_VERSION; }

}  // namespace tael

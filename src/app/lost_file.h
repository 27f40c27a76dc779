// A mapped file that becomes shorter while it is used is an error with a name, not a crash.
#pragma once

namespace tael {

// From now on a page of a file that can no longer be read ends the process with a message and exit
// code 1. A signal handler can do no more: what was being computed is lost.
void ReportLostFiles();

}  // namespace tael

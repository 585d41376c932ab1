// Ctrl-C as a polite request: the loop looks at interrupted(), saves its work and leaves. A second Ctrl-C kills.
#pragma once

namespace bijou::support {

// Has Ctrl-C been pressed since the first call? That call begins to listen, so make it before the loop's first step.
bool interrupted();

}  // namespace bijou::support

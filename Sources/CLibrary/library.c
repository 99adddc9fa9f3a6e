// The functions of moecast.h are Swift's, in Sources/CInterface; a C target needs a file to compile.
#include "moecast.h"

// The LZ4 block functions; frames are ours (Sources/LZ4Frame).
#include <lz4.h>
#include <lz4hc.h>

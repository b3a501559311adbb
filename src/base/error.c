#include "dropcorr/base/error.h"

G_DEFINE_QUARK(dropcorr - error - quark, dc_error)

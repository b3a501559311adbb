/*
 * What becomes of a frame of which there is little to say, so that it costs little. Made ahead of the analysis, in any
 * thread; what is found does not depend on which frames are light.
 */
#pragma once

#include "dropcorr/correlate/direction.h"
#include "dropcorr/model/event.h"

#include <stdbool.h>

/* frame->packet must be decoded, and no drop may ask for the frame. directions: all that will be known of them. False:
 * there is more to say of it: another kind of packet, a tag coming in, a frame that neither goes to this host nor comes
 * from it, or to itself. */
bool dc_light_frame_make(DcLightFrame *ret_light, const DcFrame *frame, const DcDirections *directions);

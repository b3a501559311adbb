/*
 * What frames a drop log may ask for: made of the whole log before the analysis begins, where it can be read twice. A
 * frame of a usual kind that no drop of the log can be joined to needs nothing that drops look frames up by. Says yes
 * too often, never too seldom: results do not depend on it.
 *
 * Joined is by bytes, and by what rewriting leaves of a packet (frame_key.h). Equal bytes of a usual packet give an
 * equal one of the latter, which therefore tells of both. A drop that is joined by its time asks for every frame.
 */
#pragma once

#include "dropcorr/model/event.h"

#include <glib.h>
#include <stdbool.h>

typedef struct DcAsked DcAsked;

DcAsked *dc_asked_new(void);
void dc_asked_free(DcAsked *asked);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcAsked, dc_asked_free)

/* drop->packet must be decoded. False: every frame may be asked for, and no more need be added. */
bool dc_asked_add(DcAsked *asked, const DcDrop *drop);

/* All were added. From here on any thread may ask. */
void dc_asked_finish(DcAsked *asked);

/* loose: dc_key_loose() of a usual packet. */
bool dc_asked_has(const DcAsked *asked, uint32_t loose);
/* Whether this drop was among those added, or is as one that was. */
bool dc_asked_knows(const DcAsked *asked, const DcDrop *drop);

#include "dropcorr/model/cause.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
#define CAUSE_NAME(id, text) [DC_CAUSE_##id] = (text),
    DC_CAUSES(CAUSE_NAME)
#undef CAUSE_NAME
};

_Static_assert(sizeof names / sizeof names[0] == DC_CAUSE_COUNT, "a name for each cause");

const char *dc_cause_name(DcCause cause)
{
  return (size_t)cause < DC_CAUSE_COUNT ? names[cause] : NULL;
}

bool dc_cause_parse(const char *text, DcCause *ret_cause)
{
  for (size_t i = 0; text != NULL && i < DC_CAUSE_COUNT; i++) {
    if (names[i] != NULL && strcmp(names[i], text) == 0) {
      *ret_cause = (DcCause)i;
      return true;
    }
  }
  return false;
}

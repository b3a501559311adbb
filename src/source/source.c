#include "dropcorr/source/source.h"

void dc_source_free(DcSource *source)
{
  if (source != NULL)
    source->ops->free(source);
}

/* "nft -j list ruleset" as the text that "nft -a list ruleset" prints, so that one reader of rules is enough. */
#pragma once

#include <stddef.h>

/* What has no words here is told by its own name, which no reader takes for a condition it knows. NULL: no listing of
 * nft's. Caller frees. */
char *dc_nft_json_to_text(const char *json, size_t len);

/* The catalogue's rows, one file per area. A row's lists are compound literals of static
 * storage; the macros only save the ending element of each. */
#pragma once

#include "dropcorr/diagnose/catalogue.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_NAMES ((const char *const[]){NULL})
#define REASONS(...) ((const DcCauseReason[]){__VA_ARGS__, {NULL, DC_EFFECT_HINT}})
#define NO_REASONS ((const DcCauseReason[]){{NULL, DC_EFFECT_HINT}})
#define ADVICE(...) ((const DcAdvice[]){__VA_ARGS__, {NULL, NULL}})

#define NAMED(name)       \
  {                       \
    name, DC_EFFECT_NAMED \
  }
#define USUAL(name)       \
  {                       \
    name, DC_EFFECT_USUAL \
  }
#define HINT(name)       \
  {                      \
    name, DC_EFFECT_HINT \
  }

#define DC_CATALOGUE_AREAS(X) X(link) X(device) X(policy) X(ip) X(fragment) X(socket) X(tcp) X(handshake) X(other)

#define DC_CATALOGUE_DECLARE(area)                \
  extern const DcCauseInfo dc_catalogue_##area[]; \
  extern const size_t dc_catalogue_##area##_count;
DC_CATALOGUE_AREAS(DC_CATALOGUE_DECLARE)
#undef DC_CATALOGUE_DECLARE

/* Ends a rows file. */
#define DC_CATALOGUE_COUNT(area) \
  const size_t dc_catalogue_##area##_count = sizeof dc_catalogue_##area / sizeof dc_catalogue_##area[0]

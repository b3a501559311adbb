/* What a run could not see. Only what applies to it is said: two or three lines. */
#include "diagnosis_state.h"

#define KERNEL(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor) << 8)

static void say(GPtrArray *limits, const char *text)
{
  g_ptr_array_add(limits, g_strdup(text));
}

void dc_limits_collect(const DcDiagnosis *self, GPtrArray *limits)
{
  const uint32_t kernel = self->state != NULL ? dc_state_kernel_version(self->state) : 0;
  if (!self->options.have_drops)
    say(limits, "No drop log: what the kernel freed is unknown; causes come from the wire and from counters alone.");
  else if (g_strcmp0(self->drop_mode, "summary") == 0)
    say(limits, "Drops by location and count only (summary mode): no drop could be joined to its frame by its bytes.");
  if (self->options.have_drops && kernel != 0 && kernel < KERNEL(5, 17))
    say(limits,
        "This kernel gives no drop reasons (5.17 and later do): causes are told from site, bytes and counters. And "
        "before 5.18 tcp_drop() leaves no event: PAWS, out-of-window and zero-window drops show in counters only.");
  else if (self->options.have_drops && kernel != 0 && kernel < KERNEL(5, 18))
    say(limits,
        "Before 5.18 tcp_drop() leaves no event: PAWS, out-of-window and zero-window drops show in counters only.");
  if (self->options.have_drops && !self->options.live && self->summary.drops_by_status[DC_DROP_STATUS_UNMATCHED] > 0)
    say(limits,
        "Drop events come from all network namespaces without saying which; those that fit no frame are listed apart.");
  if (self->state == NULL || !dc_state_has_handlers(self->state))
    say(limits, "No /proc/net/ptype from before the capture: which protocols had a handler is not known.");
  if (self->options.live || self->options.have_drops)
    say(limits,
        "A frame lost before the tap (ring overflow, XDP, hardware) is in no capture: only counters tell of it.");
}

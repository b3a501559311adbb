/*
 * Counters over time. A counter that is sampled each second for a day stands still most of the time: kept are
 * its first and last sample and, for each change, the two samples around it. With c samples at times
 *
 *   first_ns        from_ns  to_ns           from_ns  to_ns       last_ns
 *      |-- still ------|--step--|--- still -----|--step--|-- still --|
 *
 * the value at any moment outside a step is known, and inside one the enclosing samples are.
 */
#include "state_private.h"

#include <string.h>

typedef struct {
  int64_t from_ns, to_ns; /* the last sample of the old value, the first of the new one */
  uint64_t value;         /* the new one; the old one is the value of the step before */
} CounterStep;

typedef struct {
  bool has_series; /* first_*, last_* and steps */
  bool has_after;  /* an untimed AFTER sample, which follows everything */
  bool has_once;   /* an untimed sample of its own */
  int64_t first_ns, last_ns;
  uint64_t first, last;
  uint64_t after, once;
  CounterStep *steps;
  uint32_t step_count, step_capacity;
  char name[];
} Counter;

struct DcCounterTable {
  GHashTable *by_name; /* Counter.name -> Counter */
  size_t steps_total;  /* capacity over all */
};

static void counter_free(gpointer data)
{
  Counter *counter = data;
  g_free(counter->steps);
  g_free(counter);
}

DcCounterTable *dc_counter_table_new(void)
{
  DcCounterTable *table = g_new0(DcCounterTable, 1);
  table->by_name = g_hash_table_new_full(dc_state_name_hash, g_str_equal, NULL, counter_free);
  return table;
}

void dc_counter_table_free(DcCounterTable *table)
{
  g_hash_table_unref(table->by_name);
  g_free(table);
}

/* --- filling ------------------------------------------------------------------ */

/* Makes one step of each pair of the oldest `count` (even). What they say of when is coarser after that. */
static void fold_oldest(Counter *counter, uint32_t count)
{
  CounterStep *steps = counter->steps;
  for (uint32_t i = 0; i < count / 2; i++)
    steps[i] = (CounterStep){steps[2 * i].from_ns, steps[2 * i + 1].to_ns, steps[2 * i + 1].value};
  memmove(steps + count / 2, steps + count, (counter->step_count - count) * sizeof *steps);
  counter->step_count -= count / 2;
}

static void push_step(DcCounterTable *table, Counter *counter, CounterStep step)
{
  enum { FIRST_CAPACITY = 4 };
  if (counter->step_count == counter->step_capacity) {
    const uint32_t capacity = counter->step_capacity;
    const bool may_grow = capacity < DC_STATE_STEPS_MAX && table->steps_total + capacity <= DC_STATE_STEPS_TOTAL_MAX;
    if (capacity == 0 || may_grow) {
      /* the first few are every counter's right: at most 4 * DC_STATE_COUNTERS_MAX beyond the total */
      counter->step_capacity = capacity == 0 ? FIRST_CAPACITY : 2 * capacity;
      counter->steps = g_renew(CounterStep, counter->steps, counter->step_capacity);
      table->steps_total += counter->step_capacity - capacity;
    } else {
      /* Half of it at once: the cost per change stays constant. */
      fold_oldest(counter, counter->step_count / 4 * 2);
    }
  }
  counter->steps[counter->step_count++] = step;
}

static void append(DcCounterTable *table, Counter *counter, int64_t place, uint64_t value)
{
  if (!counter->has_series) {
    counter->has_series = true;
    counter->first_ns = counter->last_ns = place;
    counter->first = counter->last = value;
    return;
  }
  if (place == DC_PLACE_BEFORE) {
    /* Untimed after the row began: a better reading of the same BEFORE, or too late to place. */
    if (counter->last_ns == DC_PLACE_BEFORE)
      counter->first = counter->last = value;
    return;
  }
  place = MAX(place, counter->last_ns);
  if (value != counter->last)
    push_step(table, counter, (CounterStep){counter->last_ns, place, value});
  counter->last_ns = place;
  counter->last = value;
}

void dc_state_set_counter(DcState *state, int64_t time_ns, DcPhase phase, const char *name, uint64_t value)
{
  DcCounterTable *table = state->counters;
  Counter *counter = g_hash_table_lookup(table->by_name, name);
  const bool is_new = counter == NULL;
  if (is_new) {
    if (!dc_state_name_fits(name) || g_hash_table_size(table->by_name) >= DC_STATE_COUNTERS_MAX) {
      state->refused++;
      return;
    }
    const size_t size = strlen(name) + 1;
    counter = g_malloc0(sizeof *counter + size);
    memcpy(counter->name, name, size);
    g_hash_table_insert(table->by_name, counter->name, counter);
  }

  int64_t place;
  if (!dc_state_place(time_ns, phase, &place)) {
    counter->has_once = true;
    counter->once = value;
    return;
  }
  if (is_new && state->current_zero && place > state->current->last_ns)
    append(table, counter, state->current->last_ns, 0);
  if (place == DC_PLACE_AFTER) {
    counter->has_after = true;
    counter->after = value;
  } else {
    append(table, counter, place, value);
  }
}

/* --- reading ------------------------------------------------------------------- */

typedef struct {
  bool known;
  int64_t ns; /* place */
  uint64_t value;
} Reading;

/* How many steps end at or before ns. */
static uint32_t steps_until(const Counter *counter, int64_t ns)
{
  uint32_t low = 0;
  uint32_t high = counter->step_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (counter->steps[middle].to_ns <= ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The last sample at or before ns: nearest first, those that are kept. */
static Reading reading_before(const Counter *counter, int64_t ns)
{
  if (!counter->has_series)
    return (Reading){.known = false, .ns = DC_PLACE_AFTER, .value = counter->after};
  if (ns < counter->first_ns)
    return (Reading){.known = false, .ns = counter->first_ns, .value = counter->first};
  if (ns >= counter->last_ns)
    return (Reading){.known = true, .ns = counter->last_ns, .value = counter->last};
  const uint32_t past = steps_until(counter, ns);
  Reading reading = {.known = true, .ns = counter->first_ns, .value = counter->first};
  if (past > 0)
    reading = (Reading){.known = true, .ns = counter->steps[past - 1].to_ns, .value = counter->steps[past - 1].value};
  /* inside a step: its start is a sample, too */
  if (past < counter->step_count && counter->steps[past].from_ns <= ns)
    reading.ns = counter->steps[past].from_ns;
  return reading;
}

/* The first sample at or after ns. */
static Reading reading_after(const Counter *counter, int64_t ns)
{
  if (!counter->has_series || ns > counter->last_ns) {
    if (counter->has_after)
      return (Reading){.known = true, .ns = DC_PLACE_AFTER, .value = counter->after};
    return (Reading){.known = false, .ns = counter->last_ns, .value = counter->last};
  }
  if (ns <= counter->first_ns)
    return (Reading){.known = true, .ns = counter->first_ns, .value = counter->first};
  const uint32_t past = ns == INT64_MIN ? 0 : steps_until(counter, ns - 1);
  if (past == counter->step_count)
    return (Reading){.known = true, .ns = counter->last_ns, .value = counter->last};
  const CounterStep *step = &counter->steps[past];
  if (step->from_ns < ns)
    return (Reading){.known = true, .ns = step->to_ns, .value = step->value};
  return (Reading){
      .known = true, .ns = step->from_ns, .value = past > 0 ? counter->steps[past - 1].value : counter->first};
}

static int64_t time_of(int64_t place)
{
  return place == DC_PLACE_AFTER || place == DC_PLACE_BEFORE ? DC_TIME_NONE : place;
}

static DcCounterStep step_between(Reading from, Reading to)
{
  return (DcCounterStep){.known =
                             from.known && to.known &&
                                     from.ns<to.ns, .first = from.value, .last = to.value, .step = to.value> from.value
                                 ? to.value - from.value
                                 : 0,
                         .from_ns = time_of(from.ns),
                         .to_ns = time_of(to.ns)};
}

static DcCounterStep counter_span(const Counter *counter, int64_t from_ns, int64_t to_ns)
{
  if (!counter->has_series && !counter->has_after) {
    return (DcCounterStep){
        .first = counter->once, .last = counter->once, .from_ns = DC_TIME_NONE, .to_ns = DC_TIME_NONE};
  }
  /* the run's ends are not looked up by time: several samples may share one when the clock went back */
  Reading from = {counter->has_series, counter->has_series ? counter->first_ns : DC_PLACE_AFTER,
                  counter->has_series ? counter->first : counter->after};
  Reading to = {true, counter->has_after ? DC_PLACE_AFTER : counter->last_ns,
                counter->has_after ? counter->after : counter->last};
  if (from_ns != DC_TIME_NONE)
    from = reading_before(counter, from_ns);
  if (to_ns != DC_TIME_NONE)
    to = reading_after(counter, to_ns);
  return step_between(from, to);
}

DcCounterStep dc_state_counter(const DcState *state, const char *name, int64_t from_ns, int64_t to_ns)
{
  const Counter *counter = g_hash_table_lookup(state->counters->by_name, name);
  if (counter == NULL)
    return (DcCounterStep){.from_ns = DC_TIME_NONE, .to_ns = DC_TIME_NONE};
  return counter_span(counter, from_ns, to_ns);
}

size_t dc_state_counter_steps(const DcState *state, const char *name, DcCounterStep *steps, size_t max)
{
  const Counter *counter = g_hash_table_lookup(state->counters->by_name, name);
  if (counter == NULL || max == 0)
    return 0;

  /* newest first into the end of the caller's array, then to its start */
  size_t free_slots = max;
  if (counter->has_series && counter->has_after && counter->after > counter->last) {
    steps[--free_slots] =
        step_between((Reading){true, counter->last_ns, counter->last}, (Reading){true, DC_PLACE_AFTER, counter->after});
  }
  for (uint32_t i = counter->step_count; i-- > 0 && free_slots > 0;) {
    const CounterStep *step = &counter->steps[i];
    const uint64_t before = i > 0 ? counter->steps[i - 1].value : counter->first;
    if (step->value <= before)
      continue;
    steps[--free_slots] = (DcCounterStep){.known = true,
                                          .first = before,
                                          .last = step->value,
                                          .step = step->value - before,
                                          .from_ns = time_of(step->from_ns),
                                          .to_ns = time_of(step->to_ns)};
  }
  const size_t count = max - free_slots;
  memmove(steps, steps + free_slots, count * sizeof *steps);
  return count;
}

bool dc_state_counter_value(const DcState *state, const char *name, uint64_t *ret_value)
{
  const Counter *counter = g_hash_table_lookup(state->counters->by_name, name);
  if (counter == NULL)
    return false;
  *ret_value = counter->has_after ? counter->after : counter->has_series ? counter->last : counter->once;
  return true;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
  const Counter *const *left = a;
  const Counter *const *right = b;
  return strcmp((*left)->name, (*right)->name);
}

void dc_state_each_counter(const DcState *state,
                           void (*visit)(const char *name, const DcCounterStep *whole, void *data), void *data)
{
  g_autoptr(GPtrArray) sorted = g_ptr_array_sized_new(g_hash_table_size(state->counters->by_name));
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, state->counters->by_name);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    g_ptr_array_add(sorted, value);
  g_ptr_array_sort(sorted, compare_names);
  for (guint i = 0; i < sorted->len; i++) {
    const Counter *counter = g_ptr_array_index(sorted, i);
    const DcCounterStep whole = counter_span(counter, DC_TIME_NONE, DC_TIME_NONE);
    visit(counter->name, &whole, data);
  }
}

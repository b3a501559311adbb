/*
 * Votes first: each of some drops votes for every shift that would put it just behind a frame; where most distinct
 * drops agree within the window, the shift is looked at. Then every drop is joined to a frame of its own there, and
 * what is joined is the score. The same search over copies of the log in which the order of events is destroyed but
 * bursts and rates are kept tells what chance gives.
 */
#include "clock_search.h"

#include "dropcorr/base/clock.h"

#include <stdlib.h>
#include <string.h>

/* Receptions stand at their frame; drops may seem earlier than theirs by clocks read in another order. */
#define RECEIVED_AFTER_NS DC_NS_PER_MS
#define BEFORE_NS DC_NS_PER_MS

/* Anchors are taken in runs, so that some lie in the captured time when that is only a part of the log's. */
#define RUNS 4u
#define ANCHOR_BITS 6
#define ANCHORS (1u << ANCHOR_BITS)
#define RUN_LEN (ANCHORS / RUNS)

#define SHIFTS_MAX 16u     /* looked at closely */
#define SCAN_MAX 512u      /* frames looked at for one drop */
#define VOTE_UNIT_SHIFT 10 /* votes are counted in 1024 ns */
#define COPIES 20u         /* rearranged ones */
#define COPIES_LARGE 8u    /* of a large problem: chance varies less */
#define LARGE 4096u        /* frames */
#define BLOCK_LEN 8u       /* drops that stay together in a copy: bursts are kept */
#define SCORE_MIN 5u
#define SCORE_MIN_GRID 3u /* there are few shifts to choose from */

typedef struct {
  DcFitShift shifts[SHIFTS_MAX]; /* best first; no two within the window of each other */
  size_t count;
} Shifts;

static int64_t after_of(const DcFitProblem *problem, const DcFitMark *mark)
{
  return mark->early_ns + (mark->rx_len != 0 ? MIN(RECEIVED_AFTER_NS, problem->after_ns) : problem->after_ns);
}

static int64_t before_of(const DcFitProblem *problem)
{
  return MIN(BEFORE_NS, problem->after_ns / 2);
}

static bool fits(const DcFitMark *mark, const DcFitFrame *frame)
{
  if (mark->protocol >= 0 && mark->protocol != frame->ethertype)
    return false;
  if (mark->rx_len != 0) /* the MAC header, perhaps with a tag; none on tun; and padding */
    return frame->len == mark->rx_len + 14 || frame->len == mark->rx_len + 18 || frame->len == mark->rx_len ||
           (frame->len == 60 && mark->rx_len < 46);
  if (mark->tuple != 0)
    return frame->tuple == mark->tuple;
  return frame->waits && (mark->ip_protocol == 0 || mark->ip_protocol == frame->ip_protocol);
}

/* The first frame at or after a time. */
static size_t lower_bound(const DcFitProblem *problem, int64_t time_ns)
{
  size_t low = 0, high = problem->frame_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (problem->frames[middle].time_ns < time_ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* --- the score of one shift ------------------------------------------------------------- */

typedef struct {
  uint8_t *used;     /* per frame */
  GArray *residuals; /* int64_t: drop minus frame */
} Scratch;

static void scratch_init(Scratch *scratch, const DcFitProblem *problem)
{
  scratch->used = g_malloc(MAX(problem->frame_count, (size_t)1));
  scratch->residuals = g_array_new(FALSE, FALSE, sizeof(int64_t));
}

static void scratch_clear(Scratch *scratch)
{
  g_free(scratch->used);
  g_array_unref(scratch->residuals);
}

/* Each drop takes the nearest earlier frame that is left, or else the nearest later one. */
static uint32_t score(const DcFitProblem *problem, int64_t offset_ns, Scratch *scratch)
{
  memset(scratch->used, 0, problem->frame_count);
  g_array_set_size(scratch->residuals, 0);
  for (size_t i = 0; i < problem->mark_count; i++) {
    const DcFitMark *mark = &problem->marks[i];
    const int64_t at_ns = mark->time_ns + offset_ns;
    size_t found = SIZE_MAX;
    size_t looked_at = 0;
    for (size_t f = lower_bound(problem, at_ns - after_of(problem, mark));
         f < problem->frame_count && looked_at < SCAN_MAX; f++, looked_at++) {
      const DcFitFrame *frame = &problem->frames[f];
      if (frame->time_ns > at_ns + before_of(problem) || (found != SIZE_MAX && frame->time_ns > at_ns))
        break;
      if (scratch->used[f] == 0 && fits(mark, frame))
        found = f;
    }
    if (found == SIZE_MAX)
      continue;
    scratch->used[found] = 1;
    const int64_t residual = at_ns - problem->frames[found].time_ns;
    g_array_append_val(scratch->residuals, residual);
  }
  return scratch->residuals->len;
}

static int compare_int64(const void *a, const void *b)
{
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static int64_t quantile(GArray *sorted, unsigned percent)
{
  return g_array_index(sorted, int64_t, (sorted->len - 1) * percent / 100);
}

/*
 * Where the drops stand behind their frames: the begin of the shortest span that holds two fifths of all distances.
 * Those joined by chance are spread over the whole window and do not matter.
 */
static int64_t usual_distance(GArray *sorted)
{
  const guint held = MAX(sorted->len * 2 / 5, 1u);
  int64_t best = 0, shortest = INT64_MAX;
  for (guint i = 0; i + held <= sorted->len; i++) {
    const int64_t begin = g_array_index(sorted, int64_t, i);
    const int64_t span = g_array_index(sorted, int64_t, i + held - 1) - begin;
    if (span < shortest) {
      shortest = span;
      best = begin;
    }
  }
  return best;
}

/* Moves a shift so that the drops stand just behind their frames. */
static DcFitShift refine(const DcFitProblem *problem, DcFitShift shift, Scratch *scratch)
{
  shift.score = score(problem, shift.offset_ns, scratch);
  for (int round = 0; round < 3 && problem->grid_ns == 0 && scratch->residuals->len > 0; round++) {
    qsort(scratch->residuals->data, scratch->residuals->len, sizeof(int64_t), compare_int64);
    DcFitShift moved = {.offset_ns = shift.offset_ns - usual_distance(scratch->residuals)};
    moved.score = score(problem, moved.offset_ns, scratch);
    if (moved.score * 4 < shift.score * 3) /* what joined by chance may go */
      break;
    shift = moved;
  }
  return shift;
}

/* --- votes -------------------------------------------------------------------------------- */

static size_t choose_anchors(const DcFitProblem *problem, size_t anchors[static ANCHORS])
{
  size_t count = 0;
  if (problem->mark_count <= ANCHORS) {
    for (; count < problem->mark_count; count++)
      anchors[count] = count;
    return count;
  }
  for (size_t run = 0; run < RUNS; run++) {
    const size_t begin = (problem->mark_count - RUN_LEN) * run / (RUNS - 1);
    for (size_t i = 0; i < RUN_LEN; i++)
      anchors[count++] = begin + i;
  }
  return count;
}

static int64_t nearest_multiple(int64_t value, int64_t grid)
{
  return (value + (value < 0 ? -grid / 2 : grid / 2)) / grid * grid;
}

/* The shift of a vote on the grid; false: it is not near a multiple. */
static bool snap(const DcFitProblem *problem, int64_t early_ns, int64_t *shift_ns)
{
  const int64_t multiple = nearest_multiple(*shift_ns, problem->grid_ns);
  if (llabs(multiple - *shift_ns) > problem->tolerance_ns + early_ns)
    return false;
  *shift_ns = multiple;
  return true;
}

/* Sorts by digits, from the lowest: votes are many. The sign's bit is turned, so that negative ones come first. */
static void sort_votes(GArray *votes)
{
  enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };
  const size_t count = votes->len;
  uint64_t *from = (uint64_t *)(void *)votes->data;
  g_autofree uint64_t *scratch = g_new(uint64_t, MAX(count, (size_t)1));
  uint64_t *to = scratch;
  for (size_t i = 0; i < count; i++)
    from[i] ^= UINT64_C(1) << 63;
  for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
    size_t begins[DIGITS] = {0};
    for (size_t i = 0; i < count; i++)
      begins[from[i] >> shift & (DIGITS - 1)]++;
    if (count > 0 && begins[from[0] >> shift & (DIGITS - 1)] == count)
      continue; /* all alike in this digit */
    size_t before = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) {
      const size_t here = begins[digit];
      begins[digit] = before;
      before += here;
    }
    for (size_t i = 0; i < count; i++)
      to[begins[from[i] >> shift & (DIGITS - 1)]++] = from[i];
    uint64_t *const swapped = from;
    from = to;
    to = swapped;
  }
  if (from == scratch)
    memcpy(votes->data, scratch, count * sizeof *scratch);
  from = (uint64_t *)(void *)votes->data;
  for (size_t i = 0; i < count; i++)
    from[i] ^= UINT64_C(1) << 63;
}

/* A vote: the shift in units, and who gives it in the low bits. */
static GArray *collect_votes(const DcFitProblem *problem, const size_t *anchors, size_t anchor_count)
{
  GArray *votes = g_array_new(FALSE, FALSE, sizeof(int64_t));
  for (size_t a = 0; a < anchor_count; a++) {
    const DcFitMark *mark = &problem->marks[anchors[a]];
    for (size_t f = 0; f < problem->frame_count; f++) {
      if (!fits(mark, &problem->frames[f]))
        continue;
      int64_t shift_ns = problem->frames[f].time_ns - mark->time_ns;
      if (problem->grid_ns != 0 && !snap(problem, mark->early_ns, &shift_ns))
        continue;
      const int64_t vote = (shift_ns >> VOTE_UNIT_SHIFT) * (int64_t)ANCHORS + (int64_t)a;
      g_array_append_val(votes, vote);
    }
  }
  sort_votes(votes);
  return votes;
}

static int compare_shifts(const void *a, const void *b)
{
  const DcFitShift *x = a, *y = b;
  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->offset_ns < y->offset_ns ? -1 : x->offset_ns > y->offset_ns;
}

/* Keeps the best shifts; of those within the window of each other the best one. */
static void offer(Shifts *shifts, DcFitShift shift, int64_t window_ns)
{
  if (shifts->count == SHIFTS_MAX && shift.score <= shifts->shifts[SHIFTS_MAX - 1].score)
    return;
  for (size_t i = 0; i < shifts->count; i++) {
    if (llabs(shifts->shifts[i].offset_ns - shift.offset_ns) > window_ns)
      continue;
    if (shift.score <= shifts->shifts[i].score)
      return;
    memmove(&shifts->shifts[i], &shifts->shifts[i + 1], (shifts->count - i - 1) * sizeof shift);
    shifts->count--;
    i--;
  }
  if (shifts->count == SHIFTS_MAX)
    shifts->count--;
  size_t at = shifts->count++;
  for (; at > 0 && compare_shifts(&shift, &shifts->shifts[at - 1]) < 0; at--)
    shifts->shifts[at] = shifts->shifts[at - 1];
  shifts->shifts[at] = shift;
}

static int64_t window_of(const DcFitProblem *problem)
{
  int64_t window_ns = 0;
  for (size_t i = 0; i < problem->mark_count; i++)
    window_ns = MAX(window_ns, after_of(problem, &problem->marks[i]) + before_of(problem));
  return problem->grid_ns != 0 ? 0 : window_ns;
}

/* Slides a window over the votes and counts who voted in it. */
static void count_votes(const GArray *votes, int64_t window_ns, Shifts *shifts)
{
  uint32_t given[ANCHORS] = {0};
  uint32_t distinct = 0;
  const int64_t width = window_ns >> VOTE_UNIT_SHIFT;
  for (guint begin = 0, end = 0; end < votes->len; end++) {
    const int64_t vote = g_array_index(votes, int64_t, end);
    const int64_t unit = vote >> ANCHOR_BITS;
    distinct += given[vote & (ANCHORS - 1)]++ == 0;
    for (;; begin++) {
      const int64_t old = g_array_index(votes, int64_t, begin);
      if (unit - (old >> ANCHOR_BITS) <= width)
        break;
      distinct -= --given[old & (ANCHORS - 1)] == 0;
    }
    if (distinct > 1)
      offer(shifts, (DcFitShift){.offset_ns = unit * (INT64_C(1) << VOTE_UNIT_SHIFT), .score = distinct}, window_ns);
  }
}

/* The best shifts of a problem, scored over all drops. */
static void search(const DcFitProblem *problem, Scratch *scratch, Shifts *ret_shifts)
{
  size_t anchors[ANCHORS];
  const size_t anchor_count = choose_anchors(problem, anchors);
  const int64_t window_ns = window_of(problem);
  g_autoptr(GArray) votes = collect_votes(problem, anchors, anchor_count);
  Shifts voted = {.count = 0};
  count_votes(votes, window_ns, &voted);
  *ret_shifts = (Shifts){.count = 0};
  for (size_t i = 0; i < voted.count; i++) {
    DcFitShift shift = voted.shifts[i];
    if (problem->grid_ns != 0) /* the unit of votes has cut it */
      shift.offset_ns = nearest_multiple(shift.offset_ns, problem->grid_ns);
    offer(ret_shifts, refine(problem, shift, scratch), window_ns);
  }
}

/* --- chance ------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/*
 * A copy that runs backwards, its blocks of drops in another order, every second one stretched or squeezed: the same
 * kinds, rates and bursts, but nothing left of the order in which frames could have caused them.
 */
static void rearrange(const DcFitMark *marks, size_t count, uint64_t *random, DcFitMark *ret_copy)
{
  const size_t blocks = (count + BLOCK_LEN - 1) / BLOCK_LEN;
  g_autofree size_t *order = g_new(size_t, blocks);
  for (size_t i = 0; i < blocks; i++)
    order[i] = i;
  for (size_t i = blocks; i > 1; i--) {
    const size_t j = (size_t)(next_random(random) % i), kept = order[i - 1];
    order[i - 1] = order[j];
    order[j] = kept;
  }
  int64_t now_ns = marks[0].time_ns;
  size_t at = 0;
  for (size_t b = 0; b < blocks; b++) {
    const size_t begin = order[b] * BLOCK_LEN, end = MIN(begin + BLOCK_LEN, count);
    const int64_t percent = next_random(random) % 2 == 0 ? 100 : 80 + (int64_t)(next_random(random) % 46);
    for (size_t i = end; i-- > begin;) {
      const int64_t gap_ns = i + 1 < count ? marks[i + 1].time_ns - marks[i].time_ns : 0;
      now_ns += at > 0 ? gap_ns / 100 * percent : 0;
      ret_copy[at] = marks[i];
      ret_copy[at++].time_ns = now_ns;
    }
  }
}

static uint32_t chance_of(const DcFitProblem *problem, Scratch *scratch)
{
  g_autofree DcFitMark *copy = g_new(DcFitMark, problem->mark_count);
  DcFitProblem rearranged = *problem;
  rearranged.marks = copy;
  uint64_t random = 1;
  uint32_t best = 0;
  const unsigned copies = problem->frame_count > LARGE ? COPIES_LARGE : COPIES;
  for (unsigned i = 0; i < copies; i++) {
    rearrange(problem->marks, problem->mark_count, &random, copy);
    Shifts shifts;
    search(&rearranged, scratch, &shifts);
    if (shifts.count > 0)
      best = MAX(best, shifts.shifts[0].score);
  }
  return best;
}

/* On the grid there are few shifts to choose from; what shifts off the grid reach tells how thick the frames come. */
static uint32_t chance_off_grid(const DcFitProblem *problem, int64_t offset_ns, Scratch *scratch)
{
  const int64_t span_ns = problem->frames[problem->frame_count - 1].time_ns - problem->frames[0].time_ns;
  uint32_t best = 0;
  for (int64_t i = 1; i <= COPIES; i++) {
    const int64_t moved_ns = span_ns / (2 * COPIES + 1) * i;
    if (moved_ns < 2 * problem->after_ns || moved_ns % problem->grid_ns == 0)
      continue;
    best = MAX(best, score(problem, offset_ns + (i % 2 == 0 ? moved_ns : -moved_ns), scratch));
  }
  return best;
}

/* --- the verdict ----------------------------------------------------------------------------- */

/* Drops that fall into the captured time. */
static uint32_t drops_within(const DcFitProblem *problem, int64_t offset_ns)
{
  const int64_t first_ns = problem->frames[0].time_ns, last_ns = problem->frames[problem->frame_count - 1].time_ns;
  uint32_t count = 0;
  for (size_t i = 0; i < problem->mark_count; i++) {
    const DcFitMark *mark = &problem->marks[i];
    const int64_t at_ns = mark->time_ns + offset_ns;
    count += at_ns + before_of(problem) >= first_ns && at_ns - after_of(problem, mark) <= last_ns;
  }
  return count;
}

/* Four standard deviations of a count above what chance reached at its best. */
static uint32_t above_chance(uint32_t chance)
{
  uint32_t root = 0;
  while ((uint64_t)(root + 1) * (root + 1) <= 16 * (uint64_t)chance)
    root++;
  return chance + MAX(root, 2u);
}

static DcFitVerdict judge(const DcFitProblem *problem, const DcFitResult *result)
{
  const uint32_t least = problem->grid_ns != 0 ? SCORE_MIN_GRID : SCORE_MIN;
  const uint32_t reached = result->best.score;
  if (reached < least)
    return DC_FIT_NO_SHIFT;
  if (reached < above_chance(result->chance) || (problem->grid_ns != 0 && reached * 4 < result->drops))
    return DC_FIT_CHANCE;
  if (result->rival_count > 0 && result->rivals[0].score * 5 > reached * 4)
    return DC_FIT_AMBIGUOUS;
  return DC_FIT_ACCEPTED;
}

void dc_clock_search(const DcFitProblem *problem, DcFitResult *ret_result)
{
  DcFitResult result = {.verdict = DC_FIT_TOO_FEW};
  const size_t least = problem->grid_ns != 0 ? SCORE_MIN_GRID : SCORE_MIN;
  if (problem->frame_count < least || problem->mark_count < least) {
    *ret_result = result;
    return;
  }
  Scratch scratch;
  scratch_init(&scratch, problem);
  Shifts shifts;
  search(problem, &scratch, &shifts);
  if (shifts.count > 0) {
    result.best = shifts.shifts[0];
    result.rival_count = MIN(shifts.count - 1, (size_t)DC_FIT_RIVALS_MAX);
    memcpy(result.rivals, &shifts.shifts[1], result.rival_count * sizeof result.rivals[0]);
    (void)score(problem, result.best.offset_ns, &scratch);
    if (scratch.residuals->len > 0) {
      qsort(scratch.residuals->data, scratch.residuals->len, sizeof(int64_t), compare_int64);
      result.delay_ns = quantile(scratch.residuals, 90);
    }
    result.drops = drops_within(problem, result.best.offset_ns);
    result.chance = problem->grid_ns == 0 ? chance_of(problem, &scratch)
                                          : chance_off_grid(problem, result.best.offset_ns, &scratch);
  }
  scratch_clear(&scratch);
  result.verdict = (uint8_t)judge(problem, &result);
  *ret_result = result;
}

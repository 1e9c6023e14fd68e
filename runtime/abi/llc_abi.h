/* The one contract between generated code and the runtime: plain C, versioned, no other header of the project.
 * Generated entries have the signature llc_entry. All pointers are valid for the whole call; every thread of the team
 * calls the same entry with the same context and its own number. */
#ifndef LLC_ABI_H
#define LLC_ABI_H
#include <stdint.h>

#define LLC_ABI_VERSION 2
#define LLC_MAX_THREADS 256

#ifdef __cplusplus
extern "C" {
#endif

/* Which chunks of a thread's part of the work are taken, in a cache line of its own. */
typedef struct llc_claims {
  int64_t next; /* number of the next chunk, unless its part of the group begins behind it */
  char pad[56];
} llc_claims;

/* Work distribution. The stages between two barriers are a group of chunks; chunks have numbers that go on from group
 * to group. All counters only grow (no reset, so no extra barrier), and every thread knows each group's first number
 * without communicating. The runtime sets what a team uses to 0 before each call. */
typedef struct llc_sync {
  int64_t arrive; /* chunks done: a barrier opens when it reaches the number of all chunks before it */
  char pad0[56];
  int64_t away; /* not 0: whoever is between two chunks calls relax */
  char pad1[56];
  llc_claims claims[LLC_MAX_THREADS]; /* of the threads' parts; a group that is not divided uses the first one */
} llc_sync;

/* A ragged batch: the rows of all sequences one after the other (prefill, decode, chunks of a prompt: all the same).
 * Positions count from 0 in each sequence and are also the slot of the token in its cache. */
typedef struct llc_batch {
  int64_t tokens;                  /* T: rows in this step */
  int64_t sequences;               /* S */
  int64_t rows;                    /* R: rows whose result is wanted */
  const int32_t *token_ids;        /* [T] */
  const int32_t *positions;        /* [T] */
  const int32_t *sequence_of;      /* [T] which sequence a row belongs to */
  const int32_t *sequence_starts;  /* [S+1] first row of each sequence, and T */
  const int32_t *context_lengths;  /* [S] tokens of the sequence after this step (cached + new) */
  const int32_t *sequence_lengths; /* [T] for length-dependent rope: tokens of the row's sequence at the end of the call that
                                    * this step is a part of (a long prompt is cut into several steps; they all see its length) */
  const int32_t *page_table;       /* [S][page_stride] page numbers, each page holds page_tokens slots */
  int64_t page_stride;
  const int32_t *wanted_rows;      /* [R] */
  const int32_t *targets;          /* [T] for `score`: the token whose log-probability is asked at each row */
} llc_batch;

/* What a program compiled for profiling writes down while it runs: per thread a list of events in the order in which they
 * ended, whose length the runtime resets between calls. Ticks are those of the processor's constant-rate counter (x86-64:
 * rdtsc; aarch64: cntvct_el0). A stage's chunks that one thread runs one after the other are one event. */
typedef struct llc_profile_event {
  int64_t stage;                   /* number in the program's stage table; ~number: waiting at the barrier behind that stage */
  int64_t chunks;
  uint64_t begin, end;             /* ticks */
} llc_profile_event;

typedef struct llc_profile_log {   /* of one thread, a cache line */
  llc_profile_event *events;
  int64_t capacity, count;
  int64_t dropped;                 /* events that did not fit */
  char pad[32];
} llc_profile_log;

typedef struct llc_context {
  uint32_t abi_version;
  uint32_t flags;
  void *arena;                     /* activations; size from the manifest, 64-byte aligned */
  void *scratch;                   /* per thread: scratch + thread * scratch_stride */
  int64_t scratch_stride;
  const void *const *parameters;   /* by number, as the manifest lists them */
  void *const *caches;             /* by number: base of each layer's pages, as the manifest lists them */
  const llc_batch *batch;
  const void *const *inputs;       /* by number: the entry's tensor arguments that are not parameters */
  void *const *outputs;            /* by number: the entry's results */
  const int64_t *sizes;            /* values of the dynamic dimensions, by number: 0 tokens, 1 rows, 2 sequences */
  llc_sync *sync;
  void (*relax)(
      struct llc_context *); /* called now and then while spinning, and as sync->away says: gives the CPU to others */
  llc_profile_log *profile;        /* [threads]; null: nothing is written down. Only programs compiled for profiling read it */
} llc_context;

typedef void (*llc_entry)(llc_context *context, int64_t thread, int64_t threads);

/* What a shared library or executable with generated code offers: one module per instruction-set level, best first; the
 * array is called llc_modules (extern "C", default visibility) and ends with an element whose level is null. The runtime
 * takes the first module whose features this CPU has. Feature names are those of runtime/base/cpu.h, with commas between
 * them ("avx2,fma,f16c"); an empty string needs nothing beyond x86-64. An executable's main is
 *   int main(int argc, char **argv) { return llc_artifact_main(argc, argv, llc_modules); } */
typedef struct llc_entry_symbol {
  const char *name;                /* "step", "score", "embed"; null ends the list */
  llc_entry entry;
} llc_entry_symbol;

typedef struct llc_module {
  const char *level;               /* "generic", "avx2", "avx512": the value of LLC_ISA that asks for it */
  const char *features;
  const llc_entry_symbol *entries;
  uint64_t abi_version;            /* LLC_ABI_VERSION of the compiler that made it */
} llc_module;

#define LLC_MODULES_SYMBOL "llc_modules"
int llc_artifact_main(int argc, char **argv, const llc_module *modules);

/* Dynamic dimensions, index into llc_context.sizes and name in IR (attribute llm.dim). */
enum { LLC_DIM_TOKENS = 0, LLC_DIM_ROWS = 1, LLC_DIM_SEQUENCES = 2 };

/* Cache page of one layer, one KV head: K transposed [dim][page_tokens], then V [page_tokens][dim] (elements of the
 * cache's type). Pages of one layer: [page][kv_head]{K, V}. */
#define LLC_PAGE_TOKENS 32

#ifdef __cplusplus
}
#endif
#endif

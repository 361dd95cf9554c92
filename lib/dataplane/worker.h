/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A worker lcore: polls its queues, switches what it got, reports a quiescent state, again.
 *
 *   rx_bond.c --\                                                             /--> tx_bond.c
 *   worker.c ----+-> switch.c (parse, learn, decide) --> stage.c (group by port) --> tx_guest.c
 *
 * Contract of every tx function: it takes all n frames, sends what it can, frees and counts the
 * rest; after the call the array is dead.
 *
 * Threads: the struct belongs to its worker; control reads counters and writes the fields that
 * say so.
 */
#ifndef BF_DATAPLANE_WORKER_H
#define BF_DATAPLANE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "base/call.h"
#include "dataplane/counters.h"
#include "dataplane/echo.h"
#include "dataplane/fdb.h"
#include "dataplane/held.h"
#include "dataplane/sizes.h"
#include "dataplane/view.h"

#define BF_STAGE_SIZE (2 * BF_BURST)
#define BF_CACHE_BITS 13
#define BF_CACHE_SETS (1 << BF_CACHE_BITS)
#define BF_CACHE_WAYS 2
#define BF_RECENT 256 /* addresses remembered as posted, per worker */
#define BF_BOND_ROUNDS 8 /* bursts taken from the bond per turn at most */
#define BF_COLD_AFTER 1024 /* empty polls that make a guest queue cold */
#define BF_JUDGE_EVERY 1024 /* frames from a guest after which it is judged what it gets */
#define BF_FAR 16 /* looks at a guest's index that are remembered */
#define BF_COLD_POLLS 1 /* cold queues polled per loop that is not busy, at least */
#define BF_COLD_US 4 /* time between two polls of cold queues when every loop is */
#define BF_TOUCHED 64 /* rings whose guests are told together */
#define BF_LATE 64 /* other frames of control that wait for room in a member's ring */
#define BF_LATE_MS 2000 /* how long they do */
#define BF_KEEPALIVE_MS 5 /* how often LACPDUs are looked at for repetition */
#define BF_SETTLE_US 2000 /* how long members' rings may take to empty before flows move */
#define BF_TIMING_EVERY 256 /* loops per loop that is timed by stage */
#define BF_SAMPLE_EVERY 1024 /* frames towards the bond per sample */

/** What became of a frame: a port slot, or one of these. */
#define BF_OUT_UNKNOWN 0xffff /* not decided yet */
#define BF_OUT_FLOOD 0x8000
#define BF_OUT_DROP 0x4000 /* | enum bf_drop */

/** A decision that a worker remembers; valid while `tag` holds the worker's current epoch. */
struct bf_cache_entry {
	uint64_t k[2]; /* destination and ingress slot; source and ethertype, as in the frame */
	uint64_t tag; /* epoch << 32 | VLAN << 16 | decision */
};

#define BF_CACHE_TAGGED 0x8000ULL /* in the VLAN's place: the frame has a tag */
#define BF_EPOCH_STEP (1ULL << 32)

struct bf_cache_set {
	struct bf_cache_entry way[BF_CACHE_WAYS];
} __rte_cache_aligned;

/** Frames that wait for one port. */
struct bf_stage {
	uint16_t n;
	bool active; /* listed in bf_worker.active */
	struct rte_mbuf *pkts[BF_STAGE_SIZE];
};

/** What a burst looks like as a whole, so that rare work is skipped for all frames at once. */
struct bf_burst {
	uint64_t bytes;
	uint32_t max_len; /* no pkt_len is above; it may be above them all */
	uint16_t min_len; /* no data_len is below; it may be below them all */
};

/**
 * The latest LACPDU of a member.  Worker 0 repeats it when control is late, so that the partner
 * hears from us on time while control is held up by a disk or whatever else.
 */
struct bf_keepalive {
	struct rte_mbuf *pdu; /* one reference is ours; NULL: nothing to repeat */
	uint64_t period_tsc;
	uint64_t due_tsc;
	bool owed; /* the member's ring was full: goes out before data */
};

struct bf_rxq_state {
	uint32_t empty; /* polls in a row without a frame */
	uint16_t queue; /* whose it is: bf_rxq_id() */
	bool cold;
	uint8_t far; /* 0 to BF_FAR: how often the guest was farther away than memory, lately */
	uint32_t taken; /* frames since the ring's `give` was judged */
	uint64_t put; /* frames that had been sent to the guest then */
};

/** A number that a queue has in every view; those of a worker's view ascend. */
static inline uint16_t
bf_rxq_id(const struct bf_rxq *q)
{
	return (uint16_t)(q->slot * BF_MAX_QP + q->ring / 2);
}

/** How a worker that has nothing to do waits: rest.c. */
struct bf_rest {
	int set; /* epoll: what may wake it; -1 none */
	bool is_made; /* for this view */
	bool asked; /* guests and members may have been asked to wake it */
	bool needs_timer; /* something cannot */
	uint16_t sleeps; /* since the last frame */
	uint32_t members; /* by number: those that this worker has asked */
	uint32_t changes; /* of the guests' rings, when the set was made */
};

struct bf_worker {
	/* Set by control before the launch. */
	uint16_t idx; /* also the bond's queue number */
	uint16_t lcore;
	int socket;
	bool demotes, flushes; /* what the processor can do with a line: lines.h */
	struct bf_view **door; /* where control publishes the current view */
	struct rte_rcu_qsbr *qsbr;
	struct bf_fdb *fdb;
	struct rte_ring *learn; /* mailbox to control */
	struct rte_ring *for_us; /* frames to the bond's own address; several workers post */
	struct rte_ring *slow; /* LACPDUs and markers; several workers post */
	struct rte_ring *samples; /* heads of frames that went to the bond */
	struct rte_ring *reports; /* IGMP and MLD of guests */
	struct bf_echoes *echoes; /* all workers' */
	const struct bf_held *held;
	struct rte_ring *inject; /* frames of control for members; worker 0 only, else NULL */
	uint64_t tsc_hz;
	uint32_t quit; /* control: w, once */

	/* Its own. */
	const struct bf_view *view __rte_cache_aligned;
	uint64_t epoch_tag; /* its own epoch << 32 */
	uint32_t epoch, arrivals; /* the FDB's, when that began */
	bool floods; /* a decision to flood has been remembered since */
	struct bf_bond_view bond_was; /* of the view before, which may be gone */
	uint64_t next_keepalive;
	uint8_t rx_member; /* the member that brought the burst in hand */
	uint8_t rx_turn; /* the member whose turn it is */
	uint32_t losses_seen; /* carrier losses after which a frame has been sent; control: r */
	uint64_t first_tx_tsc; /* when the first one after the last of them was; control: r */
	int32_t sample_left; /* frames until the next sample */
	uint32_t rr;
	uint32_t empty_loops;
	struct bf_rest rest;
	uint32_t far_tsc; /* a line that takes longer comes from far; 0: not measured */
	bool timed; /* this loop is timed by stage */
	uint16_t n_active;
	uint16_t cold_next;
	uint64_t cold_tsc; /* when cold queues were last polled */
	uint16_t n_touched;
	struct bf_ring *touched[BF_TOUCHED]; /* rings whose guests have not been told yet */
	struct bf_calls calls; /* control: opens and closes */
	uint16_t staged_min; /* bounds for all that is staged, as in struct bf_burst */
	uint32_t staged_max;
	uint16_t n_rxq; /* of the view in use */
	struct bf_rxq_state *rxq_state, *rxq_spare; /* BF_MAX_PORTS * BF_MAX_QP each */
	struct bf_cache_set *cache;
	struct bf_stage *stages; /* BF_MAX_PORTS */
	uint16_t active[BF_MAX_PORTS];
	struct bf_keepalive keepalive[BF_MAX_MEMBERS];
	bool owes; /* a frame of control waits for room in a member's ring */
	uint16_t n_late;
	struct rte_mbuf *late[BF_LATE];
	uint64_t late_until_tsc[BF_LATE];
	uint64_t recent_key[BF_RECENT];
	uint64_t recent_tsc[BF_RECENT];

	struct bf_counters *counters; /* control: r */
	uint64_t bucket_bytes[BF_BUCKETS]; /* towards the bond, by flow bucket; control: r */
};

/** Tell the guests of all rings that were used. */
void bf_rings_tell(struct bf_worker *w);
/** The worker's loop. ctx worker. @param arg struct bf_worker. @return 0 after `quit`. */
int bf_worker_run(void *arg);

/* What a burst and its time are counted by. */
extern const uint8_t bf_burst_bin[BF_BURST + 1];

static inline void
bf_count_burst(struct bf_worker *w, uint16_t n)
{
	w->counters->pmd.bursts[bf_burst_bin[n]]++;
}

static inline uint64_t
bf_stage_begin(const struct bf_worker *w)
{
	return unlikely(w->timed) ? rte_rdtsc() : 0;
}

static inline void
bf_stage_end(struct bf_worker *w, enum bf_stage_id stage, uint64_t begin)
{
	if (unlikely(w->timed))
		w->counters->pmd.stage_tsc[stage] += rte_rdtsc() - begin;
}

/* Frames are counted where they come in; what they cost later on is shared out over them. */
static inline void
bf_stage_end_rx(struct bf_worker *w, uint64_t begin, uint16_t frames)
{
	bf_stage_end(w, BF_STAGE_RX, begin);
	if (unlikely(w->timed))
		w->counters->pmd.stage_frames += frames;
}

static inline void
bf_count_fill(struct bf_worker *w, enum bf_fill_id ring, uint32_t n)
{
	struct bf_pmd_counters *p = &w->counters->pmd;

	p->fill_samples[ring]++;
	p->fill_sum[ring] += n;
	p->fill_max[ring] = RTE_MAX(p->fill_max[ring], n);
}

/* ---- rx_bond.c ---- */

/** Read the worker's queue of every member and switch what came. @return frames. */
uint32_t bf_rx_bond(struct bf_worker *w);
/** LACPDUs and markers of the member in hand go to control, the others are dropped; takes all n. */
void bf_rx_bond_slow(struct bf_worker *w, enum bf_drop why, struct rte_mbuf **pkts, uint16_t n);

/* ---- switch.c ---- */

/** Forget earlier decisions that may be wrong by now; at the begin of every loop. */
static inline void
bf_switch_refresh(struct bf_worker *w)
{
	uint32_t epoch = bf_fdb_epoch(w->fdb), arrivals = bf_fdb_arrivals(w->fdb);

	if (unlikely(epoch != w->epoch || (w->floods && arrivals != w->arrivals))) {
		w->epoch_tag += BF_EPOCH_STEP;
		w->epoch = epoch;
		w->floods = false;
	}
	w->arrivals = arrivals;
}

/**
 * Switch a burst that came from one port; takes all n.
 *
 * @param pkts
 *   At most BF_BURST frames, owned; the array may be reused afterwards.
 */
void bf_switch_burst(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n);

/* ---- rings of guests ---- */

#define BF_LOCK_TRIES 64

/** Take a ring for a burst; waits for at most some microseconds. */
static inline bool
bf_ring_lock(struct bf_worker *w, struct bf_ring *r)
{
	for (int i = 0; i < BF_LOCK_TRIES; i++) {
		if (likely(__atomic_load_n(&r->lock, __ATOMIC_RELAXED) == 0 &&
			    __atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE) == 0))
			return true;
		if (i == 0)
			w->counters->pmd.ring_contended++;
		rte_pause();
	}
	return false;
}

static inline void
bf_ring_let_go(struct bf_ring *r)
{
	__atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE);
}

/** Let it go; its guest is told at the end of the turn. */
static inline void
bf_ring_unlock(struct bf_worker *w, struct bf_ring *r)
{
	if (r->told != r->used_idx && w->n_touched < BF_TOUCHED &&
		(w->n_touched == 0 || w->touched[w->n_touched - 1] != r))
		w->touched[w->n_touched++] = r;
	bf_ring_let_go(r);
	if (unlikely(w->n_touched == BF_TOUCHED))
		bf_rings_tell(w);
}

/* ---- rest.c ---- */

/** After a turn without frames: rest as the view says. */
void bf_rest(struct bf_worker *w);
/** Frames came: ask nobody to be woken any more. */
void bf_rest_end(struct bf_worker *w);
/** Another view; the one before may be gone, and its guests may have been asked by other workers. */
void bf_rest_begin_anew(struct bf_rest *s);

/* ---- snoop.c ---- */

struct bf_mail;

/** Post to control, unless the same mark was posted within @p repeat_ms by this worker. */
void bf_worker_post(struct bf_worker *w, struct bf_mail *mail, uint64_t mark, uint32_t repeat_ms);
/**
 * Read a frame's ARP, neighbour discovery, IGMP or MLD; changes nothing.  Of a guest everything is
 * handed up, of the bond what speaks of an address that a guest may hold.
 */
void bf_snoop(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m);

/* ---- stage.c ---- */

/** Queue frames for a port; sends when a full burst has come together. Takes all n. */
void bf_stage_add(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum);
/**
 * Queue each frame for the port that @p out names.
 *
 * @return
 *   How many are for no port; they stay the caller's, moved to the front with their @p out.
 */
uint16_t bf_stage_scatter(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	const struct bf_burst *sum);
/** @return the frames' lengths together. */
uint64_t bf_bytes_of(struct rte_mbuf *const *pkts, uint16_t n);
/** Send everything that waits. */
void bf_stage_flush(struct bf_worker *w);
/** Give frames back to their pools. */
void bf_free_burst(struct rte_mbuf **pkts, uint16_t n);
/** Frames of the bond for control; what its ring does not take is freed. Takes all n. */
void bf_hand_up(struct bf_worker *w, struct rte_ring *ring, enum bf_drop why,
	struct rte_mbuf **pkts, uint16_t n);
/** Count frames under a reason and free them. */
void bf_drop(
	struct bf_worker *w, uint16_t slot, enum bf_drop why, struct rte_mbuf **pkts, uint16_t n);

/* ---- tx_bond.c ---- */

/** Send frames on the bond's members. Takes all n. */
void bf_tx_bond(
	struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n, const struct bf_burst *sum);
/** Members that may send now, one bit each. */
uint32_t bf_tx_bond_usable(const struct bf_bond_view *b);
/** active-backup: the first usable one; @p usable must not be empty. */
uint8_t bf_bond_first(const struct bf_bond_view *b, uint32_t usable);
/** The member a usable set leaves for a bucket whose own member is not usable. */
uint8_t bf_bond_stand_in(uint32_t usable, uint8_t bucket);
/**
 * Before @p next is taken up: when it moves flows between members, wait until what the worker has
 * put into their rings has left, BF_SETTLE_US at most, so that no frame is overtaken by the next one
 * of its flow.  Drivers that cannot tell are not waited for, nor members that are leaving.
 */
void bf_tx_bond_settle(struct bf_worker *w, const struct bf_view *next);
/** Put control's frames on the wire and repeat LACPDUs that are due. */
void bf_tx_bond_service(struct bf_worker *w, uint64_t now_tsc);
/** Try again what full rings refused, before data fills them again; when bf_worker.owes. */
void bf_tx_bond_owed(struct bf_worker *w, uint64_t now_tsc);
/** Forget the LACPDUs kept for repetition, and the frames that wait. */
void bf_tx_bond_forget(struct bf_worker *w);

/* ---- tx_guest.c ---- */

/** Copy frames into a guest's ring. Takes all n. */
void bf_tx_guest(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum);
/** The same for flooded frames, which stay the caller's. */
void bf_tx_guest_copy(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum);

#endif

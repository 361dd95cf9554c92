/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A worker lcore's own memory: what it has from control, what it remembers, what it counts.
 *
 * Threads: the struct belongs to its worker; control reads counters and writes the fields that
 * say so.
 */
#ifndef BF_DATAPLANE_LCORE_H
#define BF_DATAPLANE_LCORE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "base/call.h"
#include "dataplane/counters.h"
#include "dataplane/echo.h"
#include "dataplane/fdb.h"
#include "dataplane/held.h"
#include "dataplane/offload.h"
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
#define BF_FREED 64 /* rings whose guests are told later that their buffers are free */
#define BF_FREED_US 200 /* how much later at most */
#define BF_ANSWERS 16 /* answers that a worker makes in one turn at most */
#define BF_MIRRORED 2048 /* copies of mirrors that wait in a turn at most */
#define BF_HAND 128 /* frames of a full member that wait in a worker's hand: hand.h */
#define BF_LATE 64 /* other frames of control that wait for room in a member's ring */
#define BF_TIMING_EVERY 256 /* loops per loop that is timed by stage */

/**
 * A decision that a worker remembers; valid while `tag` holds the worker's current epoch.
 *
 *   k[0]  destination << 16 | ingress slot
 *   k[1]  source and the ethertype behind it, as in the frame
 *   tag   epoch << 48 | the ethertype behind a tag << 32 | the tag's VLAN and flags << 16 | decision
 */
struct bf_cache_entry {
	uint64_t k[2];
	uint64_t tag;
};

/* In the VLAN's place, beside its 12 bits in network order: */
#define BF_CACHE_TAGGED (0x0010ULL << 16) /* the frame has a tag */
#define BF_CACHE_LONG (0x0020ULL << 16) /* and another one behind it */
#define BF_CACHE_NONE BF_CACHE_LONG /* no frame has this: the entry is free */
#define BF_EPOCH_STEP (1ULL << 48)

/* What a port's last frames were, so that a burst is looked up in one of three ways. */
#define BF_TAGS_NONE 0
#define BF_TAGS_MIXED 0x80 /* some of them were tagged; else all were */
#define BF_TAGS_LINGER 0x7f /* bursts that it is remembered for */

struct bf_cache_set {
	struct bf_cache_entry way[BF_CACHE_WAYS];
} __rte_cache_min_aligned;

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
	uint32_t
		flags; /* BF_BURST_*: what some of them may have; 0 on ports that negotiated nothing */
	bool flooded; /* copies for all ports: nobody in particular is their receiver */
};

#define BF_BURST_SEGMENTS 1u /* superframes: offload.h */
#define BF_BURST_PARTIAL 2u /* partial checksums */
#define BF_BURST_GOOD 4u /* checksums that are known to be good */

/** The longest that a frame of a burst is on a wire. */
static inline uint32_t
bf_wire_len(const struct rte_mbuf *m, uint32_t flags)
{
	if (likely(!(flags & BF_BURST_SEGMENTS)) || !bf_is_superframe(m))
		return m->pkt_len;
	return RTE_MIN(m->pkt_len, (uint32_t)m->l2_len + m->l3_len + m->l4_len + m->tso_segsz);
}

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
	uint16_t generation; /* of its port */
	bool cold;
	bool freed; /* it is among bf_worker.freed */
	uint8_t far; /* 0 to BF_FAR: how often the guest was farther away than memory, lately */
	uint32_t taken; /* frames since the ring's `give` was judged */
	uint64_t put; /* frames that had been sent to the guest then */
	bool contends; /* what it brought last went to its bond, while that was full */
};

/** A ring out of which frames were taken; looked for in the view before it is touched. */
struct bf_freed {
	const struct bf_guest_dp *guest;
	uint16_t slot, ring;
	uint16_t queue; /* its place among the worker's */
};

/** A number that a queue has in every view; those of a worker's view ascend. */
static inline uint16_t
bf_rxq_id(const struct bf_rxq *q)
{
	return (uint16_t)(q->slot * BF_MAX_QP + q->ring / 2);
}

/** What a member has refused. */
struct bf_hand {
	uint16_t n;
	uint64_t until_tsc; /* when it is dropped */
	uint64_t stuck_tsc; /* until when nothing is kept: the member stood still */
	struct rte_mbuf *pkts[BF_HAND];
};

/** How far a worker is with guests that have a share of full members: lead.h. It alone writes it. */
struct bf_lead {
	uint64_t rounds[BF_MAX_BONDS]; /* of its queues that send to this bond; workers: r */
	uint64_t full_tsc[BF_MAX_BONDS][BF_MAX_MEMBERS]; /* when it last had too much; workers: r */
} __rte_cache_aligned;

/** How a worker that has nothing to do waits: idle.c. */
struct bf_idle_wait {
	int set; /* epoll: what may wake it; -1 none */
	bool is_made; /* for this view */
	bool asked; /* guests and members may have been asked to wake it */
	bool needs_timer; /* something cannot */
	uint16_t sleeps; /* since the last frame */
	uint32_t members[BF_MAX_BONDS]; /* by number: those that this worker has asked */
	uint32_t changes; /* of the guests' rings, when the set was made */
};

#define BF_STATED_WATCHED (1u << 31) /* taps of members look at the frames that leave */

/** What a worker knows of one bond. */
struct bf_bond_lcore {
	struct bf_bond_view was; /* of the view before, which may be gone */
	uint8_t rx_member; /* the member that brought the burst in hand */
	uint8_t full_member; /* the member that refused the burst which is being dropped */
	uint8_t rx_turn; /* the member whose turn it is */
	uint32_t losses_seen; /* carrier losses after which a frame has been sent; control: r */
	uint64_t first_tx_tsc; /* when the first one after the last of them was; control: r */
	uint32_t rr;
	/* Not 0: frames leave something undone (offload.h), others wait (hand.h), or BF_STATED_WATCHED. */
	uint32_t stated;
	uint64_t lldp_since_tsc; /* when it began to count the LLDP frames of members: punt.c */
	uint8_t lldp_n[BF_MAX_MEMBERS];
	uint64_t own_frames; /* of control: LACP, announcements, probes; control: r */
	uint64_t own_bytes;
	uint64_t echoes; /* guests' frames that came back, known by their bytes; control: r */
	struct bf_keepalive keepalive[BF_MAX_MEMBERS];
	uint64_t bucket_bytes[BF_BUCKETS]; /* towards it, by flow bucket; control: r */
} __rte_cache_aligned;

struct bf_last_words;

struct bf_worker {
	/* Set by control before the launch. */
	uint16_t idx; /* also its queue number at bonds */
	uint16_t lcore;
	int socket;
	bool demotes, flushes; /* what the processor can do with a line: lines.h */
	struct bf_view **door; /* where control publishes the current view */
	struct rte_rcu_qsbr *qsbr;
	struct bf_fdb *fdb;
	struct rte_ring *learn; /* mailbox to control */
	struct rte_ring *for_us; /* frames to the bond's own address; several workers post */
	struct rte_ring *slow; /* LACPDUs and markers; several workers post */
	struct rte_ring *lldp; /* LLDP frames; several workers post */
	struct rte_ring *reports; /* IGMP and MLD of guests */
	struct bf_echoes *echoes; /* all workers' */
	const struct bf_held *held;
	struct rte_ring *inject; /* frames of control for members; worker 0 only, else NULL */
	uint64_t tsc_hz;
	uint32_t quit; /* control: w, once */

	/* Its own. */
	const struct bf_view *view __rte_cache_aligned;
	uint64_t epoch_tag; /* its own epoch, in steps of BF_EPOCH_STEP */
	uint32_t swept; /* set of the cache that was cleared last */
	uint32_t epoch, arrivals; /* the FDB's, when that began */
	bool floods; /* a decision to flood has been remembered since */
	uint64_t next_keepalive;
	uint32_t empty_loops;
	struct bf_idle_wait idle;
	uint32_t far_tsc; /* a line that takes longer comes from far; 0: not measured */
	bool timed; /* this loop is timed by stage */
	uint16_t n_active;
	uint16_t cold_next;
	uint64_t cold_tsc; /* when cold queues were last polled */
	uint16_t n_touched;
	struct bf_ring *touched[BF_TOUCHED]; /* rings whose guests have not been told yet */
	uint16_t n_freed;
	struct bf_freed freed[BF_FREED];
	uint64_t freed_tsc; /* when their guests are told */
	struct bf_calls calls; /* control: opens and closes */
	uint16_t staged_min; /* bounds for all that is staged, as in struct bf_burst */
	uint32_t staged_max;
	uint32_t staged_flags;
	uint16_t n_rxq; /* of the view in use */
	struct bf_rxq_state *rxq_state, *rxq_spare; /* BF_MAX_PORTS * BF_MAX_QP each */
	struct bf_cache_set *cache;
	uint8_t tags[BF_MAX_PORTS]; /* of what came from a port lately: BF_TAGS_* */
	uint32_t pushed; /* bytes of tags in the burst at hand that did not come in */
	struct bf_stage *stages; /* BF_MAX_PORTS */
	uint16_t active[BF_MAX_PORTS];
	uint16_t n_answers;
	uint8_t answer_bond[BF_ANSWERS]; /* number of the bond whose switch it is for */
	uint16_t answer_for[BF_ANSWERS]; /* slot of the port that did not take a frame; or: */
#define BF_ANSWER_OF_RESPONDER 0xffff
	struct rte_mbuf *answers[BF_ANSWERS]; /* frames of its own for its next turn: answers.h */
	uint64_t answer_tsc; /* when the next too-big message is due at its rate */
	uint64_t answer_port_tsc[BF_MAX_PORTS]; /* the same, of messages to one port's senders */
	int64_t deficit
		[BF_MAX_PORTS]; /* bytes that a guest may bring in this round, or owes: share.h */
	struct bf_hand *hands; /* of each member of each bond */
	uint32_t in_hand; /* bit k: something of bond k is in a hand */
	uint64_t tight_tsc; /* until when members count as nearly full */
	uint16_t n_mirrored; /* copies that mirrors made in this turn: mirror.h */
	uint16_t mirrored_to[BF_MIRRORED];
	struct rte_mbuf *mirrored[BF_MIRRORED];
	bool owes; /* a frame of control waits for room in a member's ring */
	uint16_t n_late;
	struct rte_mbuf *late[BF_LATE];
	uint64_t late_until_tsc[BF_LATE];
	uint64_t recent_key[BF_RECENT];
	uint64_t recent_tsc[BF_RECENT];

	struct bf_counters *counters; /* control: r */
	struct bf_last_words *last_words; /* of dropped frames; control: r, last_words.h */
	struct bf_bond_lcore bonds[BF_MAX_BONDS];

	/* Guests' shares between workers: lead.h. */
	struct bf_worker *const *all; /* control: w; by number */
	uint32_t ahead; /* bit k: at bond k others are behind */
	uint32_t contending; /* bit k: a member of bond k was full for it lately */
	uint8_t calm[BF_MAX_BONDS][BF_MAX_MEMBERS]; /* looks since that */
	uint16_t quiet[BF_MAX_BONDS]; /* looks since none of its members was */
	uint64_t lead_tsc; /* when it looks at the others next */
	struct bf_lead lead; /* other workers: r */
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LACP for one bond: IEEE 802.1AX-2020 clause 6, independent control, as a pure engine.
 *
 * The engine owns no device, no thread and no clock.  The caller hands in what happened (a slow
 * protocol frame, a link change, a new setting, or nothing but the passing of time) together with
 * `now_ms`, and gets back, through struct bf_lacp_ops, frames to send, orders to collect and
 * distribute, and events in words.
 *
 * Theory of operation.  Every member runs the receive (6.4.12), periodic (6.4.13), mux (6.4.15),
 * transmit (6.4.16) and churn (6.4.17) machines.  Selection (6.4.14) sorts the members into
 * aggregators: members with the same partner (system, system priority, key), the same own key and
 * the same speed belong together.  Exactly one aggregator is active; only its members may attach
 * to the mux, all others stay out and can say why.  Each call runs all machines until nothing
 * moves any more, then tells the outside: stop distributing first, start afterwards, frames last.
 * So no frame promises the partner something that has not happened yet, and at no instant do two
 * aggregators distribute.
 *
 * Deliberate differences from the standard:
 *  - Ready (6.4.14): a member that starts to wait while others wait shares their deadline instead
 *    of restarting it, so a flapping member cannot hold up the rest.
 *  - Members of an aggregator that is not active are STANDBY and wait in WAITING.
 *  - max_links: a member that takes another's place is in service before the other stands by, so
 *    that for a moment there is one more (limit.c).
 *  - Below min_links no member attaches, so that the partner leaves too.
 *  - While no partner is heard a PDU leaves every second, not every 30.
 *  - fallback lets one member without partner collect and distribute.
 *
 * Time: `now_ms` is monotonic milliseconds and at least 1; a value that goes back is read as the
 * last one.  After a pause the caller should hand in the frames that wait before it calls
 * bf_lacp_tick(): a PDU that is there in time then counts as in time.
 *
 * Threads: ctx control for all functions.  Callbacks run inside the call that caused them and must
 * not call the engine.
 */
#ifndef BF_LACP_LACP_H
#define BF_LACP_LACP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BF_LACP_MAX_MEMBERS = 16,
	BF_LACP_FRAME_LEN = 124, /* LACP and marker PDUs, Ethernet header included, FCS not */
	BF_LACP_TX_MAX_PER_S = 3, /* LACPDUs per member in any second (6.4.16) */
	BF_LACP_REASON_SIZE = 160,
};

/** Member id in events that concern the bond as a whole. */
#define BF_LACP_BOND UINT32_MAX

/** Bits of an actor or partner state octet (6.4.2.3). */
enum bf_lacp_state {
	BF_LACP_ACTIVITY = 0x01,
	BF_LACP_TIMEOUT = 0x02, /* set: short, "send to me every second" */
	BF_LACP_AGGREGATION = 0x04,
	BF_LACP_SYNC = 0x08,
	BF_LACP_COLLECTING = 0x10,
	BF_LACP_DISTRIBUTING = 0x20,
	BF_LACP_DEFAULTED = 0x40,
	BF_LACP_EXPIRED = 0x80,
};

/** How the active aggregator is chosen; same meaning as Linux bonding's ad_select. */
enum bf_lacp_select {
	/* Keep it while a member is attached and one has a live partner; else by bandwidth. */
	BF_LACP_SELECT_STABLE,
	BF_LACP_SELECT_BANDWIDTH, /* highest sum of member speeds */
	BF_LACP_SELECT_COUNT, /* most members */
	BF_LACP_SELECT_PRIORITY, /* highest sum of port priority values, as Linux counts it */
	BF_LACP_SELECT_POLICY_COUNT,
};

struct bf_lacp_config {
	uint8_t system_id[6]; /* unicast, not zero */
	uint16_t system_priority;
	uint16_t key; /* 0: derived from speed and duplex of each member */
	bool active; /* false: passive, speak only when spoken to */
	bool fast; /* ask the partner for a PDU per second */
	uint16_t min_links; /* 0 is read as 1 */
	uint16_t max_links; /* members in service at most, the others stand by; 0: no limit */
	enum bf_lacp_select select;
	bool fallback; /* one member forwards while no partner is heard; min_links not applied */
	bool strict; /* carrier down while no partner is heard */
	bool pin_partner; /* accept only the partner system in partner_pin */
	uint8_t partner_pin[6];
	uint32_t max_pdu_rate; /* LACPDUs accepted per member and second; 0 is read as 20 */
	uint32_t aggregate_wait_ms; /* aggregate wait time (6.4.15); 0: attach at once */
};

/** With max_links: who joins first; within a rank the port identifier decides (6.7.1). */
enum bf_lacp_rank {
	BF_LACP_RANK_REGULAR,
	BF_LACP_RANK_SPARE, /* only in place of a regular one */
	BF_LACP_RANK_LEAVING, /* only while nobody else can */
};

struct bf_lacp_member_config {
	uint8_t mac[6]; /* source address of our PDUs */
	uint16_t port_number; /* 1 to 65535, unique in the bond */
	uint16_t port_priority; /* lower is better, except in BF_LACP_SELECT_PRIORITY */
	uint8_t rank; /* enum bf_lacp_rank */
};

enum bf_lacp_event {
	BF_LACP_EV_CARRIER, /* bond carrier went up or down */
	BF_LACP_EV_AGGREGATOR, /* another aggregator is active, or none */
	BF_LACP_EV_FALLBACK, /* fallback began, moved or ended */
	BF_LACP_EV_DISTRIBUTING, /* member distributes */
	BF_LACP_EV_OUT, /* member does not distribute, with the reason; also when that changes */
	BF_LACP_EV_LOOP, /* member hears our own PDUs; at most once per minute */
	BF_LACP_EV_PARTNER, /* partner appeared, changed, went silent or was forgotten */
	BF_LACP_EV_CHURN, /* actor or partner churn began or ended */
	BF_LACP_EV_RATE, /* PDU rate limit hit; at most once per minute */
	BF_LACP_EV_COUNT,
};

struct bf_lacp_ops {
	/** Send a whole Ethernet frame; @p frame is valid during the call only. */
	void (*send)(void *arg, unsigned int member, const uint8_t *frame, size_t len);
	/** Order: from now on the member does, or does not, collect and distribute. */
	void (*set)(void *arg, unsigned int member, bool collect, bool distribute);
	/** Something an operator wants to know.  Rate-limited per member. */
	void (*event)(void *arg, unsigned int member, enum bf_lacp_event ev, const char *text);
};

enum bf_lacp_rx_state {
	BF_LACP_RX_PORT_DISABLED,
	BF_LACP_RX_EXPIRED,
	BF_LACP_RX_DEFAULTED,
	BF_LACP_RX_CURRENT,
	BF_LACP_RX_COUNT,
};

enum bf_lacp_periodic_state {
	BF_LACP_PERIODIC_NONE,
	BF_LACP_PERIODIC_FAST,
	BF_LACP_PERIODIC_SLOW,
	BF_LACP_PERIODIC_COUNT,
};

enum bf_lacp_mux_state {
	BF_LACP_MUX_DETACHED,
	BF_LACP_MUX_WAITING,
	BF_LACP_MUX_ATTACHED,
	BF_LACP_MUX_COLLECTING,
	BF_LACP_MUX_DISTRIBUTING,
	BF_LACP_MUX_COUNT,
};

enum bf_lacp_churn_state {
	BF_LACP_CHURN_MONITOR,
	BF_LACP_CHURN_NONE,
	BF_LACP_CHURN_CHURN,
	BF_LACP_CHURN_COUNT,
};

enum bf_lacp_selected {
	BF_LACP_UNSELECTED,
	BF_LACP_STANDBY, /* fit, but its aggregator is not the active one, or has enough members */
	BF_LACP_SELECTED,
	BF_LACP_SELECTED_COUNT,
};

/** What is keeping a member from distributing, most fundamental cause first. */
enum bf_lacp_why {
	BF_LACP_WHY_DISTRIBUTING, /* nothing is */
	BF_LACP_WHY_LINK_DOWN,
	BF_LACP_WHY_HALF_DUPLEX,
	BF_LACP_WHY_LOOP,
	BF_LACP_WHY_PIN,
	BF_LACP_WHY_NO_PARTNER,
	BF_LACP_WHY_HELD, /* bf_lacp_member_hold() */
	BF_LACP_WHY_SILENT,
	BF_LACP_WHY_INDIVIDUAL,
	BF_LACP_WHY_PARTNER_SYSTEM,
	BF_LACP_WHY_PARTNER_KEY,
	BF_LACP_WHY_SPEED, /* and with it our key, when that is derived */
	BF_LACP_WHY_NO_AGGREGATOR,
	BF_LACP_WHY_STANDBY, /* max_links members are in service without it */
	BF_LACP_WHY_WAITING,
	BF_LACP_WHY_PARTNER_SYNC,
	BF_LACP_WHY_PARTNER_COLLECTING,
	BF_LACP_WHY_MIN_LINKS,
	BF_LACP_WHY_COUNT,
};

/** One end of a link as LACP names it; host byte order. */
struct bf_lacp_port {
	uint16_t system_priority;
	uint8_t system_id[6];
	uint16_t key;
	uint16_t port_priority;
	uint16_t port_number;
	uint8_t state; /* enum bf_lacp_state bits */
};

struct bf_lacp_counters {
	uint64_t pdu_rx; /* well-formed LACPDUs, also those refused below */
	uint64_t pdu_tx;
	uint64_t marker_rx;
	uint64_t marker_response_tx;
	uint64_t marker_response_rx;
	uint64_t marker_limited; /* markers not answered: one answer per 2 s */
	uint64_t rx_errors; /* too short, wrong header, wrong TLV type or length */
	uint64_t rx_unknown; /* other slow protocol subtype, or unknown marker type */
	uint64_t rx_limited; /* LACPDUs above max_pdu_rate */
	uint64_t rx_disabled; /* LACPDUs while the link was known to be down */
	uint64_t rx_loop; /* LACPDUs of our own system */
	uint64_t rx_pin_refused; /* LACPDUs of a partner that is not the expected one */
	uint64_t timeouts; /* the partner went silent: CURRENT to EXPIRED */
	uint64_t actor_churn;
	uint64_t partner_churn;
	uint64_t transitions; /* of the mux machine */
	uint64_t partner_changes;
	uint64_t events_suppressed;
};

struct bf_lacp_member_info {
	unsigned int id;
	struct bf_lacp_member_config config;
	bool link_up;
	uint32_t speed_mbps;
	bool full_duplex;
	struct bf_lacp_port actor;
	struct bf_lacp_port partner;
	enum bf_lacp_rx_state rx;
	enum bf_lacp_periodic_state periodic;
	enum bf_lacp_mux_state mux;
	enum bf_lacp_churn_state actor_churn;
	enum bf_lacp_churn_state partner_churn;
	enum bf_lacp_selected selected;
	unsigned int aggregator_id; /* 0: none */
	bool in_active_aggregator;
	bool collecting;
	bool distributing;
	bool fallback;
	bool held;
	bool standby; /* fit for the active aggregator, which has max_links members without it */
	bool loop;
	bool rate_mismatch; /* one side asks for fast PDUs, the other for slow ones; works */
	enum bf_lacp_why why;
	char reason[BF_LACP_REASON_SIZE]; /* why in words; "" when distributing */
	struct bf_lacp_counters counters;
	/* 0: never */
	uint64_t last_rx_ms; /* last LACPDU that was accepted */
	uint64_t last_tx_ms;
	uint64_t last_mux_change_ms;
	uint64_t last_partner_change_ms;
	uint64_t last_link_change_ms;
};

struct bf_lacp_info {
	unsigned int n_members;
	unsigned int n_up; /* link up */
	unsigned int n_live; /* hear a partner that may be used */
	unsigned int n_operational; /* in sync with a partner that collects, or fallback */
	unsigned int n_distributing;
	bool carrier;
	bool fallback; /* a member forwards without partner */
	unsigned int active_aggregator_id; /* 0: none */
	uint16_t active_key;
	uint16_t partner_system_priority;
	uint8_t partner_system_id[6];
	uint16_t partner_key;
	uint64_t last_carrier_change_ms;
	uint64_t last_aggregator_change_ms;
};

struct bf_lacp;

/** Fill @p cfg with defaults: active, slow, priority 32768, stable, 20 PDU/s, wait 2 s.
 *
 * ctx control.  The system id stays zero: the caller must set it.
 */
void bf_lacp_config_default(struct bf_lacp_config *cfg);

/**
 * Make an engine without members.  The only allocation it ever makes.
 *
 * ctx control.
 *
 * @param ops
 *   Copied; all three callbacks are required.
 * @param arg
 *   First argument of the callbacks.
 * @return
 *   NULL with errno EINVAL (bad configuration) or ENOMEM.
 */
struct bf_lacp *bf_lacp_create(const struct bf_lacp_config *cfg, const struct bf_lacp_ops *ops,
	void *arg, uint64_t now_ms);

/** Free the engine; calls nothing back.  NULL is legal.  ctx control. */
void bf_lacp_destroy(struct bf_lacp *l);

/**
 * Change settings of a running engine.
 *
 * ctx control.  Members move only where the change requires it: a new rate, activity, priority or
 * system id changes timers and what the next PDU says; a new key regroups the members; a pin drops
 * partners that do not match.
 *
 * @return
 *   0, or -EINVAL with nothing changed.
 */
int bf_lacp_reconfigure(struct bf_lacp *l, const struct bf_lacp_config *cfg, uint64_t now_ms);

/**
 * Add a member; its link counts as down until bf_lacp_link().
 *
 * ctx control.
 *
 * @param id
 *   The caller's name for the member; anything but BF_LACP_BOND.
 * @return
 *   0, -EINVAL (id or port number), -EEXIST (id or port number taken), -ENOSPC.
 */
int bf_lacp_member_add(struct bf_lacp *l, unsigned int id, const struct bf_lacp_member_config *mc,
	uint64_t now_ms);

/**
 * Remove a member; set(false, false) is called first if it forwards, and the partner is told as by
 * bf_lacp_member_hold().  0 or -ENOENT.
 */
int bf_lacp_member_remove(struct bf_lacp *l, unsigned int id, uint64_t now_ms);

/**
 * Keep a member out of service, or let it in again; its link and its partner stay known.
 *
 * ctx control.  Holding it tells the partner before the call returns: not in sync, not collecting;
 * that PDU does not wait for the limit of three per second.  Repeating it is harmless.
 *
 * @return
 *   0 or -ENOENT.
 */
int bf_lacp_member_hold(struct bf_lacp *l, unsigned int id, bool hold, uint64_t now_ms);

/** Change a member's address, port number, priority or rank.  0, -EINVAL, -EEXIST, -ENOENT. */
int bf_lacp_member_configure(struct bf_lacp *l, unsigned int id,
	const struct bf_lacp_member_config *mc, uint64_t now_ms);

/**
 * Report the state of a member's link (port_enabled, 6.4.12).  Repeating it is harmless.
 *
 * ctx control.  Down stops collecting and distributing before the call returns.
 *
 * @return
 *   0 or -ENOENT.
 */
int bf_lacp_link(struct bf_lacp *l, unsigned int id, bool up, uint32_t speed_mbps, bool full_duplex,
	uint64_t now_ms);

/**
 * Hand in an untagged slow protocol frame: LACPDU (6.4.12), marker (6.5), or any other.
 *
 * ctx control.  Anything may be in @p frame; every length is checked.  Runs the timers that are
 * due too, after the frame.
 *
 * @param frame
 *   From the destination address on, without FCS.  Not kept.
 */
void bf_lacp_receive(
	struct bf_lacp *l, unsigned int id, const uint8_t *frame, size_t len, uint64_t now_ms);

/**
 * The same, without running any timer: for frames that have waited.
 *
 * ctx control.  After a pause, hand in all that wait and then call bf_lacp_tick(): no member is
 * taken for silent while its PDU stands in the queue behind another's.
 */
void bf_lacp_queue(
	struct bf_lacp *l, unsigned int id, const uint8_t *frame, size_t len, uint64_t now_ms);

/**
 * Run everything that is due at @p now_ms.
 *
 * ctx control.  Every other function that takes `now_ms` does this too and may bring the deadline
 * forward: see bf_lacp_deadline_ms().
 *
 * @return
 *   Absolute time of the next call in ms: later than now_ms and at most 1 s away.
 */
uint64_t bf_lacp_tick(struct bf_lacp *l, uint64_t now_ms);

/** When bf_lacp_tick() should be called next; valid after any call.  ctx control. */
uint64_t bf_lacp_deadline_ms(const struct bf_lacp *l);

/** State of the bond.  ctx control. */
void bf_lacp_info(const struct bf_lacp *l, struct bf_lacp_info *info);

/** State of the @p idx'th member, 0 to n_members - 1, in the order added.  0 or -ENOENT. */
int bf_lacp_member_info_at(
	const struct bf_lacp *l, unsigned int idx, struct bf_lacp_member_info *info);

/** State of the member called @p id.  0 or -ENOENT. */
int bf_lacp_member_info(const struct bf_lacp *l, unsigned int id, struct bf_lacp_member_info *info);

/** The settings in force; zeros in the caller's configuration are replaced by what they mean. */
const struct bf_lacp_config *bf_lacp_config(const struct bf_lacp *l);

/** Names for show commands; "?" for a value out of range.  ctx any. */
const char *bf_lacp_rx_name(enum bf_lacp_rx_state s);
const char *bf_lacp_periodic_name(enum bf_lacp_periodic_state s);
const char *bf_lacp_mux_name(enum bf_lacp_mux_state s);
const char *bf_lacp_churn_name(enum bf_lacp_churn_state s);
const char *bf_lacp_selected_name(enum bf_lacp_selected s);
const char *bf_lacp_select_name(enum bf_lacp_select s);
const char *bf_lacp_event_name(enum bf_lacp_event ev);

/** Short fixed word for a reason, for JSON and counters ("partner-differs").  ctx any. */
const char *bf_lacp_why_name(enum bf_lacp_why why);

/**
 * State octet in words, as "ACTIVE SHORT_TIMEOUT AGGREGATION SYNC"; "-" when no bit is set.
 *
 * ctx any.  Truncated to @p size; 96 bytes hold every bit.
 */
void bf_lacp_state_text(uint8_t state, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The table of requests: how each has to look, what it needs, what acts upon it.
 *
 * Every request that the specification knows has a row (VU "Front-end message types", one section
 * each, and the section named beside the row); one without a function to act is not supported.
 *
 * What becomes of a refusal: with NEED_REPLY, and for requests that are always answered with a
 * status, the front end is told by an answer that is not 0; of GET_CONFIG, by an empty one.  Where it cannot be told, the connection
 * ends, because front end and back end would go on with different ideas of the device.  Rows with
 * `ignorable` are those that leave the device as good as it was: hints (announcement, MTU, errors,
 * owner) and offers of descriptors that we do without.
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

#define NEEDS(feature) .protocol = UINT32_C(1) << BF_VHOST_PROTOCOL_##feature
#define STATE_LEN .len = sizeof(struct bf_vhost_wire_state)
#define U64_LEN .len = sizeof(uint64_t)
#define REGION_LEN .len = 8 + sizeof(struct bf_vhost_wire_region)
#define ONE_FD(kinds) .fds = 1, .fds_max = 1, .fd_kinds = (kinds)
#define PERHAPS_FD(kinds) .fds = 0, .fds_max = 1, .fd_kinds = (kinds)

static const struct bf_vhost_row rows[BF_VHOST_REQUESTS] = {
	[BF_VHOST_GET_FEATURES] = {"GET_FEATURES", NULL, bf_vhost_get_features,
		.answers = BF_VHOST_ANSWERS},
	[BF_VHOST_SET_FEATURES] = {"SET_FEATURES", bf_vhost_check_features, bf_vhost_set_features,
		U64_LEN},
	[BF_VHOST_SET_OWNER] = {"SET_OWNER", NULL, bf_vhost_set_owner, .ignorable = true},
	[BF_VHOST_RESET_OWNER] = {"RESET_OWNER", NULL, bf_vhost_reset_owner, .ignorable = true},
	/* "Memory regions description": one descriptor for each region. */
	[BF_VHOST_SET_MEM_TABLE] = {"SET_MEM_TABLE", bf_vhost_check_table, bf_vhost_set_table,
		.len = 8 + sizeof(struct bf_vhost_wire_region),
		.len_max = 8 + BF_VHOST_TABLE_REGIONS * sizeof(struct bf_vhost_wire_region),
		.len_step = sizeof(struct bf_vhost_wire_region), .fds = 1,
		.fds_max = BF_VHOST_TABLE_REGIONS, .fd_kinds = BF_VHOST_MEMORY_FD},
	/* "Log description", "Migration". Front ends wait for an answer; some want one with a status. */
	[BF_VHOST_SET_LOG_BASE] = {"SET_LOG_BASE", bf_vhost_check_log, bf_vhost_set_log,
		.len = sizeof(struct bf_vhost_wire_log), ONE_FD(BF_VHOST_MEMORY_FD),
		.answers = BF_VHOST_ANSWERS_STATUS, NEEDS(LOG_SHMFD)},
	[BF_VHOST_SET_LOG_FD] = {"SET_LOG_FD", NULL, bf_vhost_set_log_fd, ONE_FD(BF_VHOST_ANY_FD),
		.ignorable = true},
	/* "A vring state description", "A vring address description". */
	[BF_VHOST_SET_VRING_NUM] = {"SET_VRING_NUM", bf_vhost_check_num, bf_vhost_set_num,
		STATE_LEN},
	[BF_VHOST_SET_VRING_ADDR] = {"SET_VRING_ADDR", bf_vhost_check_addr, bf_vhost_set_addr,
		.len = sizeof(struct bf_vhost_wire_addr)},
	[BF_VHOST_SET_VRING_BASE] = {"SET_VRING_BASE", bf_vhost_check_set_base, bf_vhost_set_base,
		STATE_LEN},
	/* "Ring states". */
	[BF_VHOST_GET_VRING_BASE] = {"GET_VRING_BASE", bf_vhost_check_ring, bf_vhost_get_base,
		STATE_LEN, .answers = BF_VHOST_ANSWERS},
	[BF_VHOST_SET_VRING_KICK] = {"SET_VRING_KICK", bf_vhost_check_signal, bf_vhost_set_kick,
		U64_LEN, PERHAPS_FD(BF_VHOST_SIGNAL_FD)},
	[BF_VHOST_SET_VRING_CALL] = {"SET_VRING_CALL", bf_vhost_check_signal, bf_vhost_set_call,
		U64_LEN, PERHAPS_FD(BF_VHOST_CALL_FD)},
	[BF_VHOST_SET_VRING_ERR] = {"SET_VRING_ERR", bf_vhost_check_signal, bf_vhost_set_err,
		U64_LEN, PERHAPS_FD(BF_VHOST_ANY_FD), .ignorable = true},
	/* "Protocol features". */
	[BF_VHOST_GET_PROTOCOL_FEATURES] = {"GET_PROTOCOL_FEATURES", bf_vhost_check_has_protocol,
		bf_vhost_get_protocol, .answers = BF_VHOST_ANSWERS},
	[BF_VHOST_SET_PROTOCOL_FEATURES] = {"SET_PROTOCOL_FEATURES", bf_vhost_check_protocol,
		bf_vhost_set_protocol, U64_LEN},
	/* "Multiple queue support". */
	[BF_VHOST_GET_QUEUE_NUM] = {"GET_QUEUE_NUM", bf_vhost_check_queue_num,
		bf_vhost_get_queue_num, .answers = BF_VHOST_ANSWERS},
	/* "Ring states". */
	[BF_VHOST_SET_VRING_ENABLE] = {"SET_VRING_ENABLE", bf_vhost_check_enable,
		bf_vhost_set_enable, STATE_LEN},
	[BF_VHOST_SEND_RARP] = {"SEND_RARP", NULL, bf_vhost_send_rarp, U64_LEN, NEEDS(RARP),
		.ignorable = true},
	[BF_VHOST_NET_SET_MTU] = {"NET_SET_MTU", bf_vhost_check_mtu, bf_vhost_set_mtu, U64_LEN,
		NEEDS(MTU), .ignorable = true},
	/* "Back-end communication": we have nothing to ask. */
	[BF_VHOST_SET_BACKEND_REQ_FD] = {"SET_BACKEND_REQ_FD", NULL, bf_vhost_set_backend_req,
		ONE_FD(BF_VHOST_SOCKET_FD), .ignorable = true, NEEDS(BACKEND_REQ)},
	/* "IOMMU support". */
	[BF_VHOST_IOTLB_MSG] = {.name = "IOTLB_MSG", .answers = BF_VHOST_ANSWERS_STATUS},
	[BF_VHOST_SET_VRING_ENDIAN] = {.name = "SET_VRING_ENDIAN"},
	/* "Virtio device config space". */
	[BF_VHOST_GET_CONFIG] = {"GET_CONFIG", bf_vhost_check_config, bf_vhost_get_config,
		.len = sizeof(struct bf_vhost_wire_config),
		.len_max = sizeof(struct bf_vhost_wire_config) + BF_VHOST_CONFIG_MAX, .len_step = 1,
		.answers = BF_VHOST_ANSWERS_EMPTY, NEEDS(CONFIG)},
	[BF_VHOST_SET_CONFIG] = {.name = "SET_CONFIG", .ignorable = true},
	[BF_VHOST_CREATE_CRYPTO_SESSION] = {.name = "CREATE_CRYPTO_SESSION",
		.answers = BF_VHOST_ANSWERS},
	[BF_VHOST_CLOSE_CRYPTO_SESSION] = {.name = "CLOSE_CRYPTO_SESSION", .ignorable = true},
	[BF_VHOST_POSTCOPY_ADVISE] = {.name = "POSTCOPY_ADVISE", .answers = BF_VHOST_ANSWERS},
	[BF_VHOST_POSTCOPY_LISTEN] = {.name = "POSTCOPY_LISTEN"},
	[BF_VHOST_POSTCOPY_END] = {.name = "POSTCOPY_END", .answers = BF_VHOST_ANSWERS_STATUS},
	/* "Inflight description", "Inflight I/O tracking". */
	[BF_VHOST_GET_INFLIGHT_FD] = {"GET_INFLIGHT_FD", bf_vhost_check_get_inflight,
		bf_vhost_get_inflight, .len = 20, .len_max = 24, .len_step = 4,
		.answers = BF_VHOST_ANSWERS, NEEDS(INFLIGHT_SHMFD)},
	[BF_VHOST_SET_INFLIGHT_FD] = {"SET_INFLIGHT_FD", bf_vhost_check_set_inflight,
		bf_vhost_set_inflight, .len = 20, .len_max = 24, .len_step = 4,
		ONE_FD(BF_VHOST_MEMORY_FD), NEEDS(INFLIGHT_SHMFD)},
	[BF_VHOST_GPU_SET_SOCKET] = {.name = "GPU_SET_SOCKET", .ignorable = true},
	[BF_VHOST_RESET_DEVICE] = {"RESET_DEVICE", NULL, bf_vhost_reset_device,
		NEEDS(RESET_DEVICE)},
	/* "In-band notifications": rings are polled. */
	[BF_VHOST_VRING_KICK] = {.name = "VRING_KICK", .ignorable = true},
	/* "Single memory region description". */
	[BF_VHOST_GET_MAX_MEM_SLOTS] = {"GET_MAX_MEM_SLOTS", NULL, bf_vhost_get_slots,
		.answers = BF_VHOST_ANSWERS, NEEDS(CONFIGURE_MEM_SLOTS)},
	[BF_VHOST_ADD_MEM_REG] = {"ADD_MEM_REG", bf_vhost_check_add, bf_vhost_add_region,
		REGION_LEN, ONE_FD(BF_VHOST_MEMORY_FD), NEEDS(CONFIGURE_MEM_SLOTS)},
	[BF_VHOST_REM_MEM_REG] = {"REM_MEM_REG", bf_vhost_check_remove, bf_vhost_remove_region,
		REGION_LEN, PERHAPS_FD(BF_VHOST_ANY_FD), NEEDS(CONFIGURE_MEM_SLOTS)},
	[BF_VHOST_SET_STATUS] = {"SET_STATUS", bf_vhost_check_status, bf_vhost_set_status, U64_LEN,
		NEEDS(STATUS)},
	[BF_VHOST_GET_STATUS] = {"GET_STATUS", NULL, bf_vhost_get_status,
		.answers = BF_VHOST_ANSWERS, NEEDS(STATUS)},
	[BF_VHOST_GET_SHARED_OBJECT] = {.name = "GET_SHARED_OBJECT", .answers = BF_VHOST_ANSWERS},
	[BF_VHOST_SET_DEVICE_STATE_FD] = {.name = "SET_DEVICE_STATE_FD",
		.answers = BF_VHOST_ANSWERS},
	[BF_VHOST_CHECK_DEVICE_STATE] = {.name = "CHECK_DEVICE_STATE", .answers = BF_VHOST_ANSWERS},
};

const struct bf_vhost_row *
bf_vhost_row(uint32_t request)
{
	return &rows[request < BF_VHOST_REQUESTS ? request : 0];
}

static int
check_len(const struct bf_vhost_row *row, uint32_t size, struct bf_err *err)
{
	if (row->len_max == 0 && size != row->len)
		return bf_err_set(err, EMSGSIZE, "%u bytes: expected %u", size, row->len);
	if (row->len_max != 0 &&
		(size < row->len || size > row->len_max || (size - row->len) % row->len_step != 0))
		return bf_err_set(err, EMSGSIZE, "%u bytes: expected %u to %u in steps of %u", size,
			row->len, row->len_max, row->len_step);
	return 0;
}

static int
check_fds(const struct bf_vhost_row *row, const struct bf_vhost_message *m, struct bf_err *err)
{
	static const char *const kind[BF_VHOST_FD_COUNT] = {[BF_VHOST_FD_OTHER] = "of another kind",
		[BF_VHOST_FD_EVENT] = "an eventfd",
		[BF_VHOST_FD_PIPE] = "a pipe",
		[BF_VHOST_FD_MEMORY] = "a memory file",
		[BF_VHOST_FD_SOCKET] = "a socket of a pair"};

	if (m->n_fds < row->fds || m->n_fds > row->fds_max) {
		if (row->fds == row->fds_max)
			return bf_err_set(
				err, EINVAL, "%u descriptors: expected %u", m->n_fds, row->fds);
		return bf_err_set(err, EINVAL, "%u descriptors: expected %u to %u", m->n_fds,
			row->fds, row->fds_max);
	}
	for (uint32_t i = 0; i < m->n_fds; i++)
		if ((row->fd_kinds >> m->fd[i].kind & 1) == 0)
			return bf_err_set(err, EBADF, "descriptor %u is %s: expected %s", i + 1,
				kind[m->fd[i].kind],
				row->fd_kinds == BF_VHOST_MEMORY_FD ? "a memory file"
					: row->fd_kinds == BF_VHOST_SOCKET_FD
					? "a socket of a pair"
					: "an eventfd or a pipe");
	return 0;
}

int
bf_vhost_row_check(const struct bf_vhost_row *row, const struct bf_vhost_session *s,
	const struct bf_vhost_message *m, struct bf_err *err)
{
	char names[64];
	int ret;

	if (row->act == NULL)
		return bf_err_set(err, ENOTSUP, "not supported");
	if ((row->protocol & ~s->protocol) != 0)
		return bf_err_set(err, EPERM, "protocol feature %s: not negotiated",
			bf_vhost_protocol_names(row->protocol, names, sizeof(names)));
	ret = check_len(row, m->size, err);
	if (ret == 0)
		ret = check_fds(row, m, err);
	if (ret == 0 && row->check != NULL)
		ret = row->check(s, m, err);
	return ret;
}

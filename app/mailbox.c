/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The mailbox between threads that ask and control.
 *
 * A request lies on the stack of the thread that waits for it.  Control takes it off the list before it works on
 * it, without the lock; from then on its thread waits however long that takes, for control surely comes back.
 *
 * Threads: ctx control, but for what is called by those who ask.
 */
#include "mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum request_state {
	REQUEST_WAITS,
	REQUEST_TAKEN,
	REQUEST_DONE,
};

struct request {
	struct request *next;
	bf_mailbox_work_fn *work;
	void *arg;
	enum request_state state;
};

static struct {
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t done;
	struct request *first;
	bool is_open;
	int wake_fd;
} mailbox = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake_fd = -1};

/* Off the list, if it is on it. */
static void
remove_request(struct request *r)
{
	for (struct request **at = &mailbox.first; *at != NULL; at = &(*at)->next) {
		if (*at == r) {
			*at = r->next;
			return;
		}
	}
}

static void
add_request(struct request *r)
{
	struct request **at = &mailbox.first;
	uint64_t one = 1;

	while (*at != NULL)
		at = &(*at)->next;
	*at = r;
	if (write(mailbox.wake_fd, &one, sizeof(one)) < 0)
		return; /* full: control is awake already */
}

static struct timespec
deadline_in(unsigned int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

bool
bf_mailbox_ask(bf_mailbox_work_fn *work, void *arg, unsigned int wait_ms)
{
	struct request r = {.work = work, .arg = arg};
	struct timespec until = deadline_in(wait_ms);
	bool is_late = false;

	pthread_mutex_lock(&mailbox.lock);
	if (mailbox.is_open)
		add_request(&r);
	while (mailbox.is_open && r.state == REQUEST_WAITS && !is_late)
		is_late = pthread_cond_timedwait(&mailbox.done, &mailbox.lock, &until) == ETIMEDOUT;
	while (r.state == REQUEST_TAKEN)
		pthread_cond_wait(&mailbox.done, &mailbox.lock);
	remove_request(&r);
	pthread_mutex_unlock(&mailbox.lock);
	return r.state == REQUEST_DONE;
}

int
bf_mailbox_open(void)
{
	pthread_condattr_t attr;

	mailbox.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
	if (mailbox.wake_fd < 0)
		return -errno;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&mailbox.done, &attr);
	pthread_condattr_destroy(&attr);
	mailbox.is_open = true;
	return 0;
}

int
bf_mailbox_fd(void)
{
	return mailbox.wake_fd;
}

static struct request *
take_request(void)
{
	struct request *r;

	pthread_mutex_lock(&mailbox.lock);
	r = mailbox.first;
	if (r != NULL) {
		mailbox.first = r->next;
		r->state = REQUEST_TAKEN;
	}
	pthread_mutex_unlock(&mailbox.lock);
	return r;
}

void
bf_mailbox_serve(struct bf_bridge *br)
{
	struct request *r;
	uint64_t count;

	if (read(mailbox.wake_fd, &count, sizeof(count)) < 0)
		return; /* nobody has asked */
	r = take_request();
	if (r == NULL)
		return; /* who asked has not waited */
	r->work(br, r->arg);
	pthread_mutex_lock(&mailbox.lock);
	r->state = REQUEST_DONE;
	pthread_cond_broadcast(&mailbox.done);
	pthread_mutex_unlock(&mailbox.lock);
}

void
bf_mailbox_close(void)
{
	if (mailbox.wake_fd < 0)
		return;
	pthread_mutex_lock(&mailbox.lock);
	mailbox.is_open = false;
	pthread_cond_broadcast(&mailbox.done);
	pthread_mutex_unlock(&mailbox.lock);
}

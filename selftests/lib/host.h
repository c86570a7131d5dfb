/* SPDX-License-Identifier: GPL-2.0 */
/*
 * host.h - the host's side of a test: threads, files below /sys, time
 */
#ifndef LODGE_SELFTEST_HOST_H
#define LODGE_SELFTEST_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm.h"

/* A thread that runs one vCPU until told to stop; see host.c for the rules. */
struct lodge_runner {
	struct lodge_vcpu *vcpu;
	pthread_t thread;
	volatile int stop;
	volatile int last;		/* exit reason or -errno */
	volatile unsigned long exits;
	volatile uint32_t said;		/* last value on LODGE_GUEST_PORT */
};

void lodge_host_runner_start(struct lodge_runner *runner,
			     struct lodge_vcpu *vcpu);
int lodge_host_runner_stop(struct lodge_runner *runner);
void lodge_host_catch(int sig);
void lodge_host_pin(int cpu);
int lodge_host_cpus(void);
void lodge_host_quiet_log(bool quiet);
bool lodge_host_is_emulated(void);
bool lodge_host_read(const char *path, char *text, size_t size);
bool lodge_host_write(const char *path, const char *text);
long lodge_host_read_long(const char *path, long missing);
double lodge_host_now(void);
bool lodge_host_wait(bool (*done)(void *arg), void *arg, double seconds);
void lodge_host_skip(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

#endif

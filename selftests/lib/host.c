// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "guest.h"
#include "host.h"

#define HOST_SKIP 4
#define LOG_CLEAR 5
#define LOG_CONSOLE_OFF 6
#define LOG_CONSOLE_ON 7
#define HOST_KICK SIGUSR1

static void on_signal(int sig)
{
	(void)sig;
}

/**
 * lodge_host_catch - let a signal interrupt system calls and do nothing else
 * @sig: signal number
 */
void lodge_host_catch(int sig)
{
	struct sigaction action = { .sa_handler = on_signal };

	lodge_check(!sigaction(sig, &action, NULL), "signal %d", sig);
}

/*
 * Runs until told to stop or until something other than a report, an
 * interrupted call or a retry comes back: that one is left for the test.
 */
static void *runner_main(void *arg)
{
	struct lodge_runner *runner = arg;
	struct lodge_vcpu *vcpu = runner->vcpu;

	while (!runner->stop) {
		int ret = lodge_vcpu_run(vcpu);

		if (ret == -EINTR || ret == -EAGAIN)
			continue;
		runner->last = ret;
		if (ret != KVM_EXIT_IO ||
		    vcpu->run->io.direction != KVM_EXIT_IO_OUT ||
		    vcpu->run->io.port != LODGE_GUEST_PORT)
			break;
		memcpy((void *)&runner->said, lodge_vcpu_pio_data(vcpu), 4);
		__atomic_fetch_add(&runner->exits, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/**
 * lodge_host_runner_start - run a vCPU in a thread of its own
 * @runner: filled in
 * @vcpu:   the vCPU, set up
 */
void lodge_host_runner_start(struct lodge_runner *runner,
			     struct lodge_vcpu *vcpu)
{
	memset(runner, 0, sizeof(*runner));
	runner->vcpu = vcpu;
	lodge_host_catch(HOST_KICK);
	lodge_check(!pthread_create(&runner->thread, NULL, runner_main, runner),
		    "pthread_create");
}

/**
 * lodge_host_runner_stop - kick the vCPU out of the guest and end its thread
 * @runner: from lodge_host_runner_start()
 *
 * Return: the last exit reason or -errno that ended the thread or was a
 * report; 0 if there was none.
 */
int lodge_host_runner_stop(struct lodge_runner *runner)
{
	runner->stop = 1;
	runner->vcpu->run->immediate_exit = 1;
	pthread_kill(runner->thread, HOST_KICK);
	lodge_check(!pthread_join(runner->thread, NULL), "pthread_join");
	runner->vcpu->run->immediate_exit = 0;
	return runner->last;
}

/**
 * lodge_host_pin - keep the calling thread on one CPU
 * @cpu: its number
 */
void lodge_host_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	lodge_check(!sched_setaffinity(0, sizeof(set), &set), "CPU %d", cpu);
}

/**
 * lodge_host_cpus - number of CPUs online
 */
int lodge_host_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/**
 * lodge_host_quiet_log - keep an expected report out of the kernel's log
 * @quiet: true before it; false afterwards, which also drops what came
 *
 * For the few tests that make the kernel itself, not the module, print a
 * call trace. Needs root.
 */
void lodge_host_quiet_log(bool quiet)
{
	static const char ignore[] =
		"/sys/module/printk/parameters/ignore_loglevel";
	static char before[8] = "N";

	if (quiet)
		lodge_host_read(ignore, before, sizeof(before));
	lodge_host_write(ignore, quiet ? "N" : before);
	if (!quiet)
		klogctl(LOG_CLEAR, NULL, 0);
	klogctl(quiet ? LOG_CONSOLE_OFF : LOG_CONSOLE_ON, NULL, 0);
}

/**
 * lodge_host_is_emulated - whether the processor is QEMU's software one
 *
 * A few of its virtualisation features are incomplete; the tests that need
 * them skip there, and only there.
 */
bool lodge_host_is_emulated(void)
{
	char text[4096] = "";
	FILE *f = fopen("/proc/cpuinfo", "re");
	bool found = false;

	while (f && !found && fgets(text, sizeof(text), f))
		found = !strncmp(text, "model name", 10) &&
			strstr(text, "QEMU TCG");
	if (f)
		fclose(f);
	return found;
}

/**
 * lodge_host_read - read a small file
 * @path: the file
 * @text: filled in, without trailing newline
 * @size: bytes at @text
 *
 * Return: whether it could be read.
 */
bool lodge_host_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	if (len < 0)
		return false;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/**
 * lodge_host_write - write a small file in one call
 * @path: the file
 * @text: what to write
 *
 * Return: whether all of it was taken; errno is kept.
 */
bool lodge_host_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len;
	int saved;

	if (fd < 0)
		return false;
	len = write(fd, text, strlen(text));
	saved = errno;
	close(fd);
	errno = saved;
	return len == (ssize_t)strlen(text);
}

/**
 * lodge_host_read_long - read a decimal number from a file
 * @path:    the file
 * @missing: returned if it cannot be read
 */
long lodge_host_read_long(const char *path, long missing)
{
	char text[64];

	return lodge_host_read(path, text, sizeof(text)) ?
	       strtol(text, NULL, 10) : missing;
}

/**
 * lodge_host_now - monotonic time in seconds
 */
double lodge_host_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/**
 * lodge_host_wait - poll until a condition holds
 * @done:    the condition
 * @arg:     its argument
 * @seconds: how long to try
 *
 * Return: whether it held in time.
 */
bool lodge_host_wait(bool (*done)(void *arg), void *arg, double seconds)
{
	double end = lodge_host_now() + seconds;

	while (!done(arg)) {
		if (lodge_host_now() > end)
			return false;
		usleep(2000);
	}
	return true;
}

/**
 * lodge_host_skip - end the case as skipped
 * @fmt: why, and what to do about it
 */
void lodge_host_skip(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lodge_check_exit(HOST_SKIP, "SKIP: %s", text);
}

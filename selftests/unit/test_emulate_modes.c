// SPDX-License-Identifier: GPL-2.0
/*
 * What test_emulate cannot run on the processor it is on: 16-bit and 32-bit
 * modes, segmentation, ports, devices, privilege, and refusals. Each case says
 * what the manual says.
 */
#include <stdio.h>
#include <string.h>

#include "emulate.h"

#define MEMORY		0x20000u
#define DEVICE		MEMORY			/* one page of device behind memory */
#define ABSENT		(DEVICE + 0x1000)	/* and one that faults */
#define BEYOND		(ABSENT + 0x1000)
#define CODE		0x400u

#define CF		0x1ull
#define ZF		0x40ull
#define TF		0x100ull
#define IF		0x200ull
#define DF		0x400ull
#define IOPL3		0x3000ull

#define AX		e->gpr[LODGE_X86_RAX]
#define BX		e->gpr[LODGE_X86_RBX]
#define CX		e->gpr[LODGE_X86_RCX]
#define DX		e->gpr[LODGE_X86_RDX]
#define SP		e->gpr[LODGE_X86_RSP]
#define BP		e->gpr[LODGE_X86_RBP]
#define SI		e->gpr[LODGE_X86_RSI]
#define DI		e->gpr[LODGE_X86_RDI]

struct event {
	char kind;		/* 'w' device write, 'o' port output, 'i' port input */
	u64 where;
	unsigned int bytes, count;
	u64 data;
};

static struct lodge_x86_emulator emulator;
static struct lodge_x86_emulator *const e = &emulator;
static struct lodge_x86_emu_ops ops;
static u8 memory[BEYOND];
static struct lodge_x86_segment segments[LODGE_X86_NR_SEGS];
static struct event events[16];
static unsigned int nr_events;
static bool answered;		/* user space has answered device and port reads */
static bool io_allowed;
static unsigned int failures, checks;

#define CHECK(what)							\
	do {								\
		checks++;						\
		if (!(what)) {						\
			failures++;					\
			printf("# line %d: %s\n", __LINE__, #what);	\
		}							\
	} while (0)

static int place_of(u64 linear, unsigned int bytes, unsigned int access)
{
	if (linear + bytes <= ABSENT)
		return LODGE_EMU_CONTINUE;
	e->exception.vector = 14;
	e->exception.has_error_code = true;
	e->exception.error_code = access & LODGE_EMU_WRITE ? 2 : 0;
	e->exception.cr2 = linear;
	return LODGE_EMU_FAULT;
}

static void note(char kind, u64 where, unsigned int bytes, unsigned int count, const void *data)
{
	struct event *event = &events[nr_events++ % 16];

	*event = (struct event){ kind, where, bytes, count, 0 };
	memcpy(&event->data, data, bytes > 8 ? 8 : bytes);
}

static int do_read(struct lodge_x86_emulator *emu, u64 linear, void *data, unsigned int bytes,
		   unsigned int access)
{
	int r = place_of(linear, bytes, access);

	if (r)
		return r;
	if (linear + bytes > DEVICE) {
		if (!answered)
			return LODGE_EMU_IO_NEEDED;
		e->stop = true;
	}
	memcpy(data, memory + linear, bytes);
	return LODGE_EMU_CONTINUE;
}

static int do_write(struct lodge_x86_emulator *emu, u64 linear, const void *data,
		    unsigned int bytes)
{
	int r = place_of(linear, bytes, LODGE_EMU_WRITE);

	if (r)
		return r;
	if (linear + bytes > DEVICE) {
		note('w', linear, bytes, 1, data);
		e->stop = true;
		return LODGE_EMU_CONTINUE;
	}
	memcpy(memory + linear, data, bytes);
	return LODGE_EMU_CONTINUE;
}

static int do_check(struct lodge_x86_emulator *emu, u64 linear, unsigned int bytes,
		    unsigned int access)
{
	return place_of(linear, bytes, access);
}

static int do_cmpxchg(struct lodge_x86_emulator *emu, u64 linear, void *old, const void *new,
		      unsigned int bytes)
{
	if (linear + bytes <= DEVICE && memcmp(memory + linear, old, bytes)) {
		memcpy(old, memory + linear, bytes);
		return LODGE_EMU_CONTINUE;
	}
	return do_write(emu, linear, new, bytes);
}

static int do_pio_in(struct lodge_x86_emulator *emu, u16 port, unsigned int size,
		     unsigned int count, void *data)
{
	unsigned int i;

	if (!answered) {
		note('i', port, size, count, "\0\0\0\0");
		return LODGE_EMU_IO_NEEDED;
	}
	for (i = 0; i < size * count; i++)
		((u8 *)data)[i] = 0x10 + i;
	e->stop = true;
	return LODGE_EMU_CONTINUE;
}

static int do_pio_out(struct lodge_x86_emulator *emu, u16 port, unsigned int size,
		      unsigned int count, const void *data)
{
	note('o', port, size, count, data);
	e->stop = true;
	return LODGE_EMU_CONTINUE;
}

static int do_check_io(struct lodge_x86_emulator *emu, u16 port, unsigned int size)
{
	e->exception = (struct lodge_x86_exception){ .vector = 13, .has_error_code = true };
	return io_allowed ? LODGE_EMU_CONTINUE : LODGE_EMU_FAULT;
}

static void do_get_seg(struct lodge_x86_emulator *emu, enum lodge_x86_seg seg,
		       struct lodge_x86_segment *out)
{
	*out = segments[seg];
}

static int do_set_seg(struct lodge_x86_emulator *emu, enum lodge_x86_seg seg,
		      const struct lodge_x86_segment *in)
{
	segments[seg] = *in;
	return LODGE_EMU_CONTINUE;
}

static void do_get_sse(struct lodge_x86_emulator *emu, unsigned int n, void *data,
		       unsigned int bytes)
{
	memset(data, n + 1, bytes);
}

static void do_set_sse(struct lodge_x86_emulator *emu, unsigned int n, const void *data,
		       unsigned int bytes)
{
	note('v', n, bytes, 1, data);
}

static void set_segments(u32 limit, bool db)
{
	unsigned int i;

	for (i = 0; i < LODGE_X86_NR_SEGS; i++)
		segments[i] = (struct lodge_x86_segment){
			.limit = limit, .present = true, .code_or_data = true, .db = db,
			.type = i == LODGE_X86_CS ? 0xb : 0x3,
		};
}

/* A machine in a mode, everything zero, flat segments as the mode has them. */
static void setup(enum lodge_x86_mode mode)
{
	bool wide = mode == LODGE_X86_PROT32 || mode == LODGE_X86_LONG64;

	memset(e, 0, sizeof(*e));
	memset(memory, 0, sizeof(memory));
	ops = (struct lodge_x86_emu_ops){
		do_read, do_write, do_check, do_cmpxchg, do_pio_in, do_pio_out, NULL,
		do_get_seg, do_set_seg, do_get_sse, do_set_sse,
	};
	e->ops = &ops;
	e->mode = mode;
	e->rip = CODE;
	e->rflags = 2;
	e->cr4 = 1 << 9;
	e->max_iterations = 1000;
	nr_events = 0;
	answered = io_allowed = false;
	set_segments(wide ? 0xffffffff : 0xffff, wide);
}

#define RUN(...) run((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

static int run(const u8 *bytes, unsigned int length)
{
	memcpy(memory + segments[LODGE_X86_CS].base + e->rip, bytes, length);
	e->nr_bytes = 0;
	e->again = 0;
	return lodge_x86_emulate(e);
}

static int again(void)
{
	return lodge_x86_emulate(e);
}

static bool raised(int r, u8 vector, bool has_error_code)
{
	return r == LODGE_EMU_FAULT && e->exception.vector == vector &&
	       e->exception.has_error_code == has_error_code && !e->retired && e->rip == CODE;
}

static u64 word_at(unsigned int at, unsigned int bytes)
{
	u64 value = 0;

	memcpy(&value, memory + at, bytes);
	return value;
}

static void real_mode_addresses(void)
{
	setup(LODGE_X86_REAL16);
	segments[LODGE_X86_DS].base = 0x10000;
	BX = 0xabcdfff0;
	SI = 0x20;
	AX = 0x11223344;
	CHECK(RUN(0x89, 0x40, 0x05) == LODGE_EMU_CONTINUE);	/* mov [bx+si+5],ax */
	CHECK(word_at(0x10015, 4) == 0x3344 && e->rip == CODE + 3 && e->retired);

	setup(LODGE_X86_REAL16);
	segments[LODGE_X86_SS].base = 0x1000;
	BP = 0x30;
	memory[0x102f] = 7;
	CHECK(!RUN(0x8a, 0x5e, 0xff) && BX == 7);		/* mov bl,[bp-1] uses SS */

	setup(LODGE_X86_REAL16);
	segments[LODGE_X86_ES].base = 0x2000;
	memory[0x2005] = 9;
	CHECK(!RUN(0x26, 0xa0, 0x05, 0x00) && AX == 9);		/* mov al,es:[5] */
}

static void real_mode_limits(void)
{
	setup(LODGE_X86_REAL16);
	BX = 0xffff;
	CHECK(raised(RUN(0x8b, 0x07), 13, false));		/* mov ax,[bx] straddles the limit */
	CHECK(!RUN(0x8a, 0x07));				/* mov al,[bx] does not */

	setup(LODGE_X86_REAL16);
	BP = 0xffff;
	CHECK(raised(RUN(0x8b, 0x46, 0x00), 12, false));	/* mov ax,[bp]: #SS */

	setup(LODGE_X86_REAL16);
	BX = 0x10000;
	CHECK(raised(RUN(0x67, 0x8b, 0x03), 13, false));	/* mov ax,[ebx] */
	segments[LODGE_X86_DS].limit = 0xffffffff;		/* "unreal" */
	memory[0x10000] = 0x42;
	CHECK(!RUN(0x67, 0x8b, 0x03) && AX == 0x42);

	setup(LODGE_X86_VM86);
	BX = 0xffff;
	CHECK(raised(RUN(0x8b, 0x07), 13, true));

	setup(LODGE_X86_REAL16);
	CHECK(raised(RUN(0xf7, 0x36, 0x00, 0x10), 0, false));	/* div word [1000h], which is 0 */
}

static void real_mode_segments(void)
{
	setup(LODGE_X86_REAL16);
	memory[0x1000] = 0x34;
	memory[0x1001] = 0x12;
	CHECK(!RUN(0x8e, 0x1e, 0x00, 0x10));			/* mov ds,[1000h] */
	CHECK(segments[LODGE_X86_DS].base == 0x12340 && segments[LODGE_X86_DS].selector == 0x1234);
	CHECK(segments[LODGE_X86_DS].limit == 0xffff && !e->shadow);

	setup(LODGE_X86_REAL16);
	AX = 0x20;
	CHECK(!RUN(0x8e, 0xd0) && e->shadow && segments[LODGE_X86_SS].base == 0x200);
	setup(LODGE_X86_REAL16);
	CHECK(raised(RUN(0x8e, 0xc8), 6, false));		/* mov cs,ax */
	CHECK(raised(RUN(0x8e, 0xf0), 6, false));		/* no such register */
	setup(LODGE_X86_PROT32);
	CHECK(RUN(0x8e, 0xd8) == LODGE_EMU_UNHANDLEABLE && e->nr_bytes > 1);

	setup(LODGE_X86_PROT32);
	segments[LODGE_X86_ES].selector = 0x1b;
	memory[0x1002] = memory[0x1003] = 0xee;
	CHECK(!RUN(0x8c, 0x05, 0, 0x10, 0, 0));			/* mov [1000h],es: 2 bytes */
	CHECK(word_at(0x1000, 4) == 0xeeee001b);
}

static void protected_segments(void)
{
	static const u8 load[] = { 0xa1, 0, 0x10, 0, 0 }, store[] = { 0xa3, 0, 0x10, 0, 0 };

	setup(LODGE_X86_PROT32);
	segments[LODGE_X86_DS].type = 1;			/* data, read only */
	CHECK(!run(load, 5));
	e->rip = CODE;
	CHECK(raised(run(store, 5), 13, true));
	segments[LODGE_X86_DS].type = 0x9;			/* code, execute only */
	CHECK(raised(run(load, 5), 13, true));
	segments[LODGE_X86_DS].type = 0xb;			/* code, readable */
	CHECK(!run(load, 5));
	e->rip = CODE;
	CHECK(raised(run(store, 5), 13, true));
	segments[LODGE_X86_DS].type = 0x3;
	segments[LODGE_X86_DS].present = false;			/* null */
	CHECK(raised(run(load, 5), 13, true));
	CHECK(e->exception.error_code == 0);
}

static void default_segments(void)
{
	setup(LODGE_X86_PROT32);
	segments[LODGE_X86_SS].base = 0x1000;
	segments[LODGE_X86_DS].base = 0x2000;
	memory[0x1010] = 1;
	memory[0x2010] = 2;
	SP = BP = BX = 0x10;
	CHECK(!RUN(0x8a, 0x04, 0x24) && AX == 1);		/* mov al,[esp] */
	CHECK(!RUN(0x8a, 0x45, 0x00) && AX == 1);		/* mov al,[ebp] */
	CHECK(!RUN(0x8a, 0x03) && AX == 2);			/* mov al,[ebx] */
	memory[0x2020] = 3;
	CHECK(!RUN(0x8a, 0x04, 0x2b) && AX == 3);		/* mov al,[ebx+ebp]: the base decides */
	CHECK(!RUN(0x3e, 0x8a, 0x04, 0x24) && AX == 2);		/* mov al,ds:[esp] */
	CHECK(!RUN(0x8a, 0x05, 0x10, 0, 0, 0) && AX == 2);	/* mov al,[10h] */
}

static void expand_down(void)
{
	static const u8 load[] = { 0xa1, 0, 0x10, 0, 0 };

	setup(LODGE_X86_PROT32);
	segments[LODGE_X86_DS].type = 0x7;
	segments[LODGE_X86_DS].limit = 0xfff;
	CHECK(!run(load, 5));					/* 1000h is just above */
	e->rip = CODE;
	segments[LODGE_X86_DS].limit = 0x1000;
	CHECK(raised(run(load, 5), 13, true));
	segments[LODGE_X86_DS].limit = 0xfff;
	segments[LODGE_X86_DS].db = false;			/* upper bound FFFFh */
	BX = 0xfffe;
	CHECK(raised(RUN(0x8b, 0x03), 13, true));		/* mov eax,[ebx] */
	BX = 0xfffc;
	CHECK(!RUN(0x8b, 0x03));

	setup(LODGE_X86_PROT16);
	segments[LODGE_X86_SS].limit = 0x0f;
	SP = 0x20;
	CHECK(raised(RUN(0x58), 12, true) && SP == 0x20);	/* pop ax beyond SS */
}

static void stack_widths(void)
{
	setup(LODGE_X86_REAL16);
	SP = 0x55550000;
	AX = 0xbeef;
	CHECK(!RUN(0x50) && SP == 0x5555fffe && word_at(0xfffe, 2) == 0xbeef);
	CHECK(!RUN(0x5b) && SP == 0x55550000 && BX == 0xbeef);

	setup(LODGE_X86_PROT32);
	SP = 0x1000;
	CHECK(!RUN(0x6a, 0xff) && SP == 0xffc && word_at(0xffc, 4) == 0xffffffff);
	CHECK(!RUN(0x66, 0x6a, 0x80) && SP == 0xffa && word_at(0xffa, 2) == 0xff80);
	CHECK(!RUN(0x8f, 0x44, 0x24, 0x10) && SP == 0xffe);	/* pop [esp+10h], esp after */
	CHECK(word_at(0x100e, 4) == 0xffffff80);

	setup(LODGE_X86_PROT32);
	segments[LODGE_X86_SS].db = false;			/* 32-bit code on a 16-bit stack */
	segments[LODGE_X86_SS].limit = 0xffff;
	SP = 0x12340002;
	CHECK(raised(RUN(0x50), 12, true));			/* FFFEh + 4 is beyond the limit */
}

static void push_all(void)
{
	unsigned int i;

	setup(LODGE_X86_REAL16);
	for (i = 0; i < 8; i++)
		e->gpr[i] = 0x1111 * (i + 1);
	SP = 0x1000;
	CHECK(!RUN(0x60) && SP == 0xff0);
	CHECK(word_at(0xffe, 2) == 0x1111 && word_at(0xff6, 2) == 0x1000 &&
	      word_at(0xff0, 2) == 0x8888);
	memset(e->gpr, 0, sizeof(e->gpr));
	SP = 0xff0;
	CHECK(!RUN(0x61) && SP == 0x1000 && AX == 0x1111 && DI == 0x8888 && BP == 0x6666);
	SP = 8;
	CHECK(RUN(0x60) == LODGE_EMU_UNHANDLEABLE && SP == 8);	/* wraps: left to others */

	setup(LODGE_X86_PROT32);
	AX = 0x12345678;
	SP = 0x1000;
	CHECK(!RUN(0x60) && SP == 0xfe0 && word_at(0xffc, 4) == 0x12345678);
	setup(LODGE_X86_LONG64);
	CHECK(raised(RUN(0x60), 6, false));
}

static void near_branches(void)
{
	setup(LODGE_X86_PROT16);
	SP = 0x1000;
	memory[0x2000] = 0x34;
	memory[0x2001] = 0x12;
	CHECK(!RUN(0xff, 0x16, 0x00, 0x20));			/* call [2000h] */
	CHECK(e->rip == 0x1234 && SP == 0xffe && word_at(0xffe, 2) == CODE + 4);
	CHECK(!RUN(0xc2, 0x06, 0x00) && e->rip == CODE + 4 && SP == 0x1006);	/* ret 6 */

	setup(LODGE_X86_PROT32);
	segments[LODGE_X86_CS].limit = 0x1fff;
	memory[0x1001] = 0x20;
	SP = 0x1000;
	CHECK(raised(RUN(0xff, 0x25, 0, 0x10, 0, 0), 13, true));	/* jmp [1000h] = 2000h */
	CHECK(raised(RUN(0xff, 0x15, 0, 0x10, 0, 0), 13, true) && SP == 0x1000);

	setup(LODGE_X86_REAL16);
	SP = 0x1000;
	CHECK(!RUN(0xe8, 0x00, 0xf0) && e->rip == ((CODE + 3 + 0xf000) & 0xffff));

	setup(LODGE_X86_LONG64);
	SP = 0x1000;
	CHECK(!RUN(0xe8, 0xfb, 0xff, 0xff, 0xff) && e->rip == CODE && SP == 0xff8);
	CHECK(word_at(0xff8, 8) == CODE + 5);
	CHECK(!RUN(0x66, 0xc3) && e->rip == CODE + 5 && SP == 0xffa);	/* AMD: 16 bits */
	setup(LODGE_X86_LONG64);
	memory[0x1007] = 0x80;
	BX = 0x1000;
	CHECK(raised(RUN(0xff, 0x23), 13, true));		/* jmp to a non-canonical address */
}

static void canonical_addresses(void)
{
	setup(LODGE_X86_LONG64);
	BX = 1ull << 47;
	CHECK(raised(RUN(0x8b, 0x03), 13, true));
	BX = (1ull << 47) - 1;
	CHECK(raised(RUN(0x8b, 0x03), 13, true));		/* the last byte is not */
	SP = 1ull << 47;
	CHECK(raised(RUN(0x58), 12, true));
	BP = 1ull << 47;
	CHECK(raised(RUN(0x8b, 0x45, 0), 12, true));
	e->cr4 |= 1 << 12;					/* LA57 */
	BX = 1ull << 47;
	CHECK(raised(RUN(0x8b, 0x03), 14, true) && e->exception.cr2 == BX);
	BX = 1ull << 56;
	CHECK(raised(RUN(0x8b, 0x03), 13, true));
}

static void strings_16(void)
{
	setup(LODGE_X86_REAL16);
	SI = 0x7777fffe;
	DI = 0x2000;
	CX = 0x99990004;
	memcpy(memory + 0xfffe, "ab", 2);
	memcpy(memory, "cd", 2);
	CHECK(!RUN(0xf3, 0xa4));				/* rep movsb: SI wraps */
	CHECK(!memcmp(memory + 0x2000, "abcd", 4) && SI == 0x77770002 && DI == 0x2004);
	CHECK(CX == 0x99990000 && e->retired);

	setup(LODGE_X86_REAL16);
	e->rflags |= DF;
	DI = 0x2004;
	CX = 3;
	AX = 0x5a5a;
	e->max_iterations = 2;
	CHECK(!RUN(0xf3, 0xab) && !e->retired && CX == 1 && DI == 0x2000 && e->rip == CODE);
	CHECK(!again() && e->retired && CX == 0 && DI == 0x1ffe && e->rip == CODE + 2);
	CHECK(word_at(0x2000, 6) == 0x5a5a5a5a5a5a);

	setup(LODGE_X86_PROT32);
	e->rflags |= TF;
	CX = 2;
	CHECK(!RUN(0xf3, 0xaa) && !e->retired && CX == 1);	/* a trap after each */
	setup(LODGE_X86_PROT32);
	CX = 0;
	DI = ABSENT;
	CHECK(!RUN(0xf3, 0xaa) && e->retired);			/* nothing to do: no fault */
}

static void strings_compare(void)
{
	setup(LODGE_X86_PROT32);
	memcpy(memory + 0x1000, "same!", 5);
	memcpy(memory + 0x2000, "sane!", 5);
	SI = 0x1000;
	DI = 0x2000;
	CX = 5;
	CHECK(!RUN(0xf3, 0xa6) && CX == 2 && SI == 0x1003 && !(e->rflags & ZF));
	AX = '!';
	CX = 9;
	DI = 0x2000;
	e->rip = CODE;
	CHECK(!RUN(0xf2, 0xae) && CX == 4 && DI == 0x2005 && (e->rflags & ZF));

	setup(LODGE_X86_PROT32);
	DI = ABSENT - 2;
	CX = 4;
	answered = true;
	CHECK(!RUN(0xf3, 0xaa) && CX == 3 && e->stop);		/* device: one at a time */
	CHECK(!again() && CX == 2 && nr_events == 2);
	CHECK(raised(again(), 14, true) && CX == 2 && DI == ABSENT);
}

static void ports(void)
{
	setup(LODGE_X86_REAL16);
	AX = 0x1234;
	CHECK(!RUN(0xe6, 0x80) && events[0].kind == 'o' && events[0].where == 0x80);
	CHECK(events[0].bytes == 1 && events[0].data == 0x34);
	DX = 0xcf8;
	AX = 0x80000000;
	CHECK(!RUN(0x66, 0xef) && events[1].where == 0xcf8 && events[1].bytes == 4 &&
	      events[1].data == 0x80000000);
	e->rip = CODE;
	CHECK(RUN(0xec) == LODGE_EMU_IO_NEEDED && e->rip == CODE && AX == 0x80000000);
	answered = true;
	CHECK(!again() && AX == 0x80000010 && e->rip == CODE + 1);

	setup(LODGE_X86_LONG64);
	answered = true;
	AX = ~0ull;
	CHECK(!RUN(0x48, 0xed) && AX == 0x13121110);		/* REX.W does not widen it */
}

static void port_rights(void)
{
	setup(LODGE_X86_PROT32);
	e->cpl = 3;
	CHECK(RUN(0xee) == LODGE_EMU_UNHANDLEABLE && !nr_events);
	ops.check_io = do_check_io;
	CHECK(raised(RUN(0xee), 13, true) && !nr_events);
	io_allowed = true;
	CHECK(!RUN(0xee) && nr_events == 1);
	io_allowed = false;
	e->rflags |= IOPL3;
	CHECK(!RUN(0xee) && nr_events == 2);
	e->rip = CODE;
	e->mode = LODGE_X86_VM86;				/* the bitmap decides whatever IOPL is */
	CHECK(raised(RUN(0xee), 13, true) && nr_events == 2);
}

static void string_output(void)
{
	setup(LODGE_X86_PROT32);
	SI = 0x1ff8;
	CX = 16;
	DX = 0x3f8;
	memcpy(memory + 0x1ff8, "0123456789abcdef", 16);
	CHECK(!RUN(0xf3, 0x6e) && !e->retired && CX == 8 && SI == 0x2000);
	CHECK(events[0].count == 8 && events[0].bytes == 1 && events[0].data == '0');
	CHECK(!again() && e->retired && CX == 0 && events[1].count == 8 && events[1].data == '8');

	setup(LODGE_X86_REAL16);
	SI = 0xfffc;
	CX = 4;
	CHECK(!RUN(0xf3, 0x6f) && SI == 0xfffe && CX == 3);	/* SI is about to wrap */
	CHECK(!again() && SI == 0 && CX == 2);

	setup(LODGE_X86_REAL16);
	segments[LODGE_X86_DS].limit = 0x1003;
	SI = 0x1000;
	CX = 8;
	CHECK(!RUN(0xf3, 0x6e) && CX == 4 && SI == 0x1004);	/* as far as the segment goes */
	CHECK(raised(again(), 13, false) && CX == 4);
}

static void string_input(void)
{
	setup(LODGE_X86_PROT32);
	DI = 0x1ffc;
	CX = 3;
	DX = 0x1f0;
	CHECK(RUN(0xf3, 0x6d) == LODGE_EMU_IO_NEEDED && CX == 3 && events[0].count == 1);
	CHECK(events[0].bytes == 4 && events[0].where == 0x1f0);
	answered = true;
	CHECK(!again() && CX == 2 && DI == 0x2000 && word_at(0x1ffc, 4) == 0x13121110);
	CHECK(!again() && CX == 0 && e->retired && word_at(0x2004, 4) == 0x17161514);

	setup(LODGE_X86_PROT32);
	e->rflags |= DF;
	DI = 0x1004;
	CX = 2;
	answered = true;
	CHECK(!RUN(0xf3, 0x6c) && CX == 1 && DI == 0x1003);	/* downwards: one by one */

	setup(LODGE_X86_PROT32);
	DI = ABSENT;
	CX = 1;
	CHECK(raised(RUN(0xf3, 0x6c), 14, true) && !nr_events);	/* fault first, port untouched */
	CHECK(e->exception.error_code == 2 && e->exception.cr2 == ABSENT);
}

static void devices(void)
{
	setup(LODGE_X86_PROT32);
	BX = DEVICE;
	memory[DEVICE] = 0x80;
	CHECK(RUN(0x0f, 0xbe, 0x03) == LODGE_EMU_IO_NEEDED && AX == 0 && e->rip == CODE);
	answered = true;
	CHECK(!again() && AX == 0xffffff80);			/* movsx eax,byte [ebx] */
	CHECK(!RUN(0xf0, 0x81, 0x0b, 1, 0, 0, 0));		/* lock or [ebx],1 */
	CHECK(nr_events == 1 && events[0].data == 0x81 && events[0].bytes == 4);
	CHECK(!RUN(0x87, 0x0b) && nr_events == 2 && CX == 0x80);	/* xchg [ebx],ecx */

	setup(LODGE_X86_PROT32);
	SI = DEVICE;
	DI = ABSENT;
	CHECK(raised(RUN(0xa4), 14, true));			/* the destination is looked at first */
	DI = 0x1000;
	CHECK(RUN(0xa4) == LODGE_EMU_IO_NEEDED && SI == DEVICE);
	BX = DEVICE;
	SP = ABSENT + 4;
	CHECK(raised(RUN(0xff, 0x33), 14, true) && SP == ABSENT + 4);	/* push [ebx] */
	SP = 0x1000;
	CHECK(RUN(0xff, 0x33) == LODGE_EMU_IO_NEEDED && SP == 0x1000);
}

static void vector_state(void)
{
	setup(LODGE_X86_LONG64);
	BX = 0x1000;
	CHECK(!RUN(0x0f, 0x28, 0x03) && nr_events == 1 && events[0].bytes == 16);
	e->rip = CODE;
	e->cr0 = 8;
	CHECK(raised(RUN(0x0f, 0x28, 0x03), 7, false));		/* TS */
	e->cr0 = 4;
	CHECK(raised(RUN(0x0f, 0x28, 0x03), 6, false));		/* EM */
	e->cr0 = 0;
	e->cr4 = 0;
	CHECK(raised(RUN(0x0f, 0x28, 0x03), 6, false));		/* no OSFXSR */
	CHECK(raised(RUN(0xc5, 0xfc, 0x28, 0x03), 6, false));	/* no OSXSAVE */
	e->cr4 = 1 << 18;
	e->xcr0 = 3;
	CHECK(raised(RUN(0xc5, 0xfc, 0x28, 0x03), 6, false));	/* XCR0 without AVX */
	e->xcr0 = 7;
	CHECK(!RUN(0xc5, 0xfc, 0x28, 0x03) && events[1].bytes == 32);
	e->rip = CODE;
	BX = 0x1010;
	CHECK(raised(RUN(0xc5, 0xfc, 0x28, 0x03), 13, true));	/* 32-byte alignment */
	CHECK(raised(RUN(0xc5, 0xf4, 0x28, 0x03), 6, false));	/* vvvv used */
	ops.get_sse = NULL;
	CHECK(RUN(0xc5, 0xfc, 0x28, 0x03) == LODGE_EMU_UNHANDLEABLE);
}

static void refusals(void)
{
	setup(LODGE_X86_LONG64);
	CHECK(raised(RUN(0xf0, 0x89, 0x03), 6, false));		/* lock mov */
	CHECK(raised(RUN(0xf0, 0x01, 0xc3), 6, false));		/* lock add of registers */
	CHECK(raised(RUN(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			 0x66, 0x66, 0x66, 0x90), 13, true));	/* 16 bytes */
	CHECK(RUN(0x62, 0xf1, 0x7c, 0x48, 0x10, 0x03) == LODGE_EMU_UNHANDLEABLE);	/* EVEX */
	CHECK(RUN(0xd9, 0x03) == LODGE_EMU_UNHANDLEABLE);	/* fld */
	CHECK(RUN(0x0f, 0x6f, 0x03) == LODGE_EMU_UNHANDLEABLE);	/* MMX */
	CHECK(RUN(0x0f, 0x58, 0x03) == LODGE_EMU_UNHANDLEABLE);	/* vector arithmetic */
	CHECK(RUN(0xcf) == LODGE_EMU_UNHANDLEABLE);		/* iret */
	CHECK(RUN(0xff, 0x1b) == LODGE_EMU_UNHANDLEABLE);	/* far call */
	CHECK(e->nr_bytes >= 2 && e->bytes[0] == 0xff && e->bytes[1] == 0x1b && e->rip == CODE);
}

static void fetching(void)
{
	setup(LODGE_X86_PROT32);
	e->rip = ABSENT - 2;
	answered = true;
	memory[e->rip] = 0xb8;					/* mov eax,imm32, cut off by a fault */
	e->nr_bytes = 0;
	e->again = 0;
	CHECK(lodge_x86_emulate(e) == LODGE_EMU_FAULT && e->exception.cr2 == ABSENT);
	answered = false;
	e->nr_bytes = 0;
	e->again = 0;
	CHECK(lodge_x86_emulate(e) == LODGE_EMU_UNHANDLEABLE);	/* code in a device */

	setup(LODGE_X86_REAL16);
	segments[LODGE_X86_CS].limit = CODE + 1;
	CHECK(raised(RUN(0xb8, 1, 2), 13, false));		/* the limit cuts it off */
	segments[LODGE_X86_CS].limit = CODE + 2;
	CHECK(!RUN(0xb8, 1, 2) && AX == 0x201);
}

static void flags_by_privilege(void)
{
	setup(LODGE_X86_PROT32);
	SP = 0x1000;
	memcpy(memory + 0x1000, "\x01\x32\x00\x00", 4);		/* CF, IF, IOPL 3 */
	CHECK(!RUN(0x9d) && (e->rflags & (CF | IF | IOPL3)) == (CF | IF | IOPL3));

	setup(LODGE_X86_PROT32);
	e->cpl = 3;
	SP = 0x1000;
	memcpy(memory + 0x1000, "\x01\x32\x00\x00", 4);
	CHECK(!RUN(0x9d) && (e->rflags & (CF | IF | IOPL3)) == CF);

	setup(LODGE_X86_PROT32);
	e->rflags |= 1 << 16 | CF;
	SP = 0x1000;
	CHECK(!RUN(0x9c) && word_at(0xffc, 4) == 3);		/* RF is not pushed */
	setup(LODGE_X86_VM86);
	CHECK(RUN(0x9c) == LODGE_EMU_UNHANDLEABLE);
}

static void modes(void)
{
	CHECK(lodge_x86_mode(false, false, false, false, false) == LODGE_X86_REAL16);
	CHECK(lodge_x86_mode(false, false, false, false, true) == LODGE_X86_REAL32);
	CHECK(lodge_x86_mode(true, true, false, false, true) == LODGE_X86_VM86);
	CHECK(lodge_x86_mode(true, false, false, false, false) == LODGE_X86_PROT16);
	CHECK(lodge_x86_mode(true, false, true, false, true) == LODGE_X86_PROT32);
	CHECK(lodge_x86_mode(true, false, true, true, false) == LODGE_X86_LONG64);
	CHECK(lodge_x86_mode(true, false, false, true, true) == LODGE_X86_PROT32);

	setup(LODGE_X86_PROT32);
	AX = 0xffffffff;
	CHECK(!RUN(0x40) && AX == 0 && (e->rflags & ZF));	/* inc eax, REX elsewhere */
	AX = 0xffff;
	CHECK(!RUN(0x66, 0x40) && AX == 0);
	CHECK(!RUN(0x82, 0xc0, 0x05) && AX == 5);		/* add al,5 by the old alias */
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "real-mode addresses wrap and take their segments", real_mode_addresses },
	{ "real-mode limits: #GP and #SS without error code", real_mode_limits },
	{ "real-mode segment registers", real_mode_segments },
	{ "protected-mode segment types", protected_segments },
	{ "default segments", default_segments },
	{ "expand-down segments and stack limits", expand_down },
	{ "stack widths", stack_widths },
	{ "pusha and popa", push_all },
	{ "near calls, returns and jumps", near_branches },
	{ "canonical addresses, 4 and 5 levels", canonical_addresses },
	{ "16-bit strings, batches, single step", strings_16 },
	{ "string comparisons, strings on a device", strings_compare },
	{ "ports", ports },
	{ "port rights", port_rights },
	{ "string output in blocks", string_output },
	{ "string input in blocks", string_input },
	{ "device reads are asked for, writes handed out", devices },
	{ "vector moves obey CR0, CR4 and XCR0", vector_state },
	{ "what is refused", refusals },
	{ "fetching", fetching },
	{ "pushf and popf by privilege", flags_by_privilege },
	{ "modes", modes },
};

int main(void)
{
	unsigned int i, before, n = sizeof(tests) / sizeof(*tests);

	printf("TAP version 13\n1..%u\n", n);
	for (i = 0; i < n; i++) {
		before = failures;
		tests[i].run();
		printf("%sok %u - %s\n", failures == before ? "" : "not ", i + 1, tests[i].name);
	}
	printf("# %u checks, %u failed\n", checks, failures);
	return failures ? 1 : 0;
}

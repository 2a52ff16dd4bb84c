# C++ exceptions with the compressed tables that __CxxFrameHandler4 of vcruntime140_1.dll reads. No free compiler writes them,
# so this is clang's code (-O1 -S) of the program below with its tables of the third form rewritten by hand: each catch block
# has tables of its own, and the one of `work` says by number where it goes on. Expected output: the rules of the language,
# and the same under Wine.
#
#   struct Noisy { const char *n; ~Noisy() { printf("-%s ", n); } };
#   void thrower(int v) { if (v == 1) throw 1; if (v == 2) throw 'c'; if (v == 3) throw 7; }
#   int work(int v) {
#     int r = 0;
#     Noisy out{"out"};
#     try { Noisy in{"in"}; thrower(v); r = 1; }
#     catch (int i) { printf("int %d ", i); Noisy held{"held"}; thrower(i + 1); r = 2; }
#     printf("after ");
#     return r;
#   }
#   void mainCRTStartup() {
#     for (int v = 0; v < 4; v++) { try { printf("work %d\n", work(v)); } catch (char c) { printf("char %c\n", c); } }
#     exit(4);
#   }
	.text
	.def	@feat.00;
	.scl	3;
	.type	0;
	.endef
	.globl	@feat.00
.set @feat.00, 0
	.def	"?thrower@@YAXH@Z";
	.scl	2;
	.type	32;
	.endef
	.globl	"?thrower@@YAXH@Z"              # -- Begin function ?thrower@@YAXH@Z
	.p2align	4, 0x90
"?thrower@@YAXH@Z":                     # @"?thrower@@YAXH@Z"
.seh_proc "?thrower@@YAXH@Z"
# %bb.0:
	subq	$56, %rsp
	.seh_stackalloc 56
	.seh_endprologue
	cmpl	$3, %ecx
	je	.LBB0_5
# %bb.1:
	cmpl	$2, %ecx
	je	.LBB0_4
# %bb.2:
	cmpl	$1, %ecx
	je	.LBB0_3
# %bb.6:
	addq	$56, %rsp
	retq
.LBB0_5:
	movl	$7, 48(%rsp)
	leaq	_TI1H(%rip), %rdx
	leaq	48(%rsp), %rcx
	callq	_CxxThrowException
.LBB0_4:
	movb	$99, 47(%rsp)
	leaq	_TI1D(%rip), %rdx
	leaq	47(%rsp), %rcx
	callq	_CxxThrowException
.LBB0_3:
	movl	$1, 52(%rsp)
	leaq	_TI1H(%rip), %rdx
	leaq	52(%rsp), %rcx
	callq	_CxxThrowException
	int3
	.seh_endproc
                                        # -- End function
	.def	work;
	.scl	2;
	.type	32;
	.endef
	.globl	work                            # -- Begin function work
	.p2align	4, 0x90
work:                                   # @work
.Lfunc_begin0:
.seh_proc work
	.seh_handler __CxxFrameHandler4, @unwind, @except
# %bb.0:
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$64, %rsp
	.seh_stackalloc 64
	leaq	64(%rsp), %rbp
	.seh_setframe %rbp, 64
	.seh_endprologue
	movq	$-2, -16(%rbp)
.Ltmp0:
	callq	"?thrower@@YAXH@Z"
.Ltmp1:
# %bb.1:
	movl	$1, -20(%rbp)                   # 4-byte Folded Spill
.Ltmp8:
	leaq	"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"(%rip), %rcx
	leaq	"??_C@_02LMMGJAGL@in?$AA@"(%rip), %rdx
	callq	printf
.Ltmp9:
.LBB1_2:                                # Block address taken
$ehgcr_1_2:
.Ltmp10:
	leaq	"??_C@_06FDKEFCDF@after?5?$AA@"(%rip), %rcx
	callq	printf
.Ltmp11:
# %bb.3:
.Ltmp12:
	leaq	"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"(%rip), %rcx
	leaq	"??_C@_03KEJHNBPP@out?$AA@"(%rip), %rdx
	callq	printf
.Ltmp13:
# %bb.4:
	movl	-20(%rbp), %eax                 # 4-byte Reload
	addq	$64, %rsp
	popq	%rbp
	retq
	.seh_handlerdata
	.long	($cppxdata$work)@IMGREL
	.text
	.seh_endproc
	.def	"?dtor$5@?0?work@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?dtor$5@?0?work@4HA":
.seh_proc "?dtor$5@?0?work@4HA"
.LBB1_5:
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	64(%rdx), %rbp
	.seh_endprologue
	callq	__std_terminate
	int3
	.seh_handlerdata
	.text
	.seh_endproc
	.def	"?dtor$6@?0?work@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?dtor$6@?0?work@4HA":
.seh_proc "?dtor$6@?0?work@4HA"
.LBB1_6:
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	64(%rdx), %rbp
	.seh_endprologue
	leaq	"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"(%rip), %rcx
	leaq	"??_C@_02LMMGJAGL@in?$AA@"(%rip), %rdx
	callq	printf
	nop
	addq	$32, %rsp
	popq	%rbp
	retq                                    # CLEANUPRET
	.seh_handlerdata
	.text
	.seh_endproc
	.def	"?catch$7@?0?work@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?catch$7@?0?work@4HA":
.seh_proc "?catch$7@?0?work@4HA"
	.seh_handler __CxxFrameHandler4, @unwind, @except
.LBB1_7:
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	64(%rdx), %rbp
	.seh_endprologue
	movl	-4(%rbp), %edx
.Ltmp2:
	leaq	"??_C@_07JCDENEDP@int?5?$CFd?5?$AA@"(%rip), %rcx
	callq	printf
.Ltmp3:
# %bb.8:
	movl	-4(%rbp), %ecx
	addl	$1, %ecx
.Ltmp4:
	callq	"?thrower@@YAXH@Z"
.Ltmp5:
# %bb.9:
.Ltmp6:
	leaq	"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"(%rip), %rcx
	leaq	"??_C@_04NMDLKPLI@held?$AA@"(%rip), %rdx
	callq	printf
.Ltmp7:
# %bb.10:
	movl	$2, -20(%rbp)                   # 4-byte Folded Spill
	xorl	%eax, %eax
	addq	$32, %rsp
	popq	%rbp
	retq                                    # CATCHRET
	.seh_handlerdata
	.long	($cppxdata$catch7)@IMGREL
	.text
	.seh_endproc
	.def	"?dtor$11@?0?work@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?dtor$11@?0?work@4HA":
.seh_proc "?dtor$11@?0?work@4HA"
.LBB1_11:
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	64(%rdx), %rbp
	.seh_endprologue
	callq	__std_terminate
	int3
	.seh_handlerdata
	.text
	.seh_endproc
	.def	"?dtor$12@?0?work@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?dtor$12@?0?work@4HA":
.seh_proc "?dtor$12@?0?work@4HA"
.LBB1_12:
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	64(%rdx), %rbp
	.seh_endprologue
	leaq	"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"(%rip), %rcx
	leaq	"??_C@_04NMDLKPLI@held?$AA@"(%rip), %rdx
	callq	printf
	nop
	addq	$32, %rsp
	popq	%rbp
	retq                                    # CLEANUPRET
	.seh_handlerdata
	.text
	.seh_endproc
	.def	"?dtor$13@?0?work@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?dtor$13@?0?work@4HA":
.seh_proc "?dtor$13@?0?work@4HA"
.LBB1_13:
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	64(%rdx), %rbp
	.seh_endprologue
	leaq	"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"(%rip), %rcx
	leaq	"??_C@_03KEJHNBPP@out?$AA@"(%rip), %rdx
	callq	printf
	nop
	addq	$32, %rsp
	popq	%rbp
	retq                                    # CLEANUPRET
	.seh_handlerdata
	.text
	.seh_endproc
	.def	"?dtor$14@?0?work@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?dtor$14@?0?work@4HA":
.seh_proc "?dtor$14@?0?work@4HA"
.LBB1_14:
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	64(%rdx), %rbp
	.seh_endprologue
	callq	__std_terminate
	int3
.Lfunc_end0:
	.seh_handlerdata
	.text
	.seh_endproc
	.section	.xdata,"dr"
	.p2align	2
$cppxdata$work:
	.byte 0x38
	.long ($stateUnwindMap$work)@IMGREL
	.long ($tryMap$work)@IMGREL
	.long ($ip2state$work)@IMGREL
$stateUnwindMap$work:
	.byte 8            # four entries
	.byte (1<<3)|6     # state 0 to -1, code
	.long "?dtor$13@?0?work@4HA"@IMGREL
	.byte (5<<3)|0     # state 1 to 0, nothing
	.byte (1<<3)|6     # state 2 to 1, code
	.long "?dtor$6@?0?work@4HA"@IMGREL
	.byte (11<<3)|0    # state 3 to 0, nothing
$tryMap$work:
	.byte 2, 2, 4, 6   # one: low 1, high 2, catch 3
	.long ($handlerMap$0$work)@IMGREL
$handlerMap$0$work:
	.byte 2
	.byte 0x16         # type, object, one continuation
	.long "??_R0H@8"@IMGREL
	.byte 60<<1
	.long "?catch$7@?0?work@4HA"@IMGREL
	.byte (.LBB1_2-.Lfunc_begin0)*2
$ip2state$work:
	.byte 8
	.byte ((.Lfunc_begin0)-(.Lfunc_begin0))*2
	.byte 0
	.byte ((.Ltmp0+1)-(.Lfunc_begin0))*2
	.byte 6
	.byte ((.Ltmp8+1)-(.Ltmp0+1))*2
	.byte 2
	.byte ((.Ltmp13+1)-(.Ltmp8+1))*2
	.byte 0
$cppxdata$catch7:
	.byte 0x29
	.long ($stateUnwindMap$catch7)@IMGREL
	.long ($ip2state$catch7)@IMGREL
	.byte 56<<1
$stateUnwindMap$catch7:
	.byte 2
	.byte (1<<3)|6
	.long "?dtor$12@?0?work@4HA"@IMGREL
$ip2state$catch7:
	.byte 6
	.byte ((.LBB1_7)-(.LBB1_7))*2
	.byte 0
	.byte ((.Ltmp4+1)-(.LBB1_7))*2
	.byte 2
	.byte ((.Ltmp6+1)-(.Ltmp4+1))*2
	.byte 0
	.text
                                        # -- End function
	.def	mainCRTStartup;
	.scl	2;
	.type	32;
	.endef
	.globl	mainCRTStartup                  # -- Begin function mainCRTStartup
	.p2align	4, 0x90
mainCRTStartup:                         # @mainCRTStartup
.Lfunc_begin1:
.seh_proc mainCRTStartup
	.seh_handler __CxxFrameHandler4, @unwind, @except
# %bb.0:
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$48, %rsp
	.seh_stackalloc 48
	leaq	48(%rsp), %rbp
	.seh_setframe %rbp, 48
	.seh_endprologue
	movq	$-2, -10(%rbp)
	xorl	%ecx, %ecx
	.p2align	4, 0x90
.LBB2_1:                                # =>This Inner Loop Header: Depth=1
.Ltmp14:
	movl	%ecx, -16(%rbp)                 # 4-byte Spill
	callq	work
.Ltmp15:
# %bb.2:                                #   in Loop: Header=BB2_1 Depth=1
.Ltmp16:
	leaq	"??_C@_08HOCHDCLP@work?5?$CFd?6?$AA@"(%rip), %rcx
	movl	%eax, %edx
	callq	printf
.Ltmp17:
.LBB2_3:                                # Block address taken
                                        #   in Loop: Header=BB2_1 Depth=1
$ehgcr_2_3:
	movl	-16(%rbp), %ecx                 # 4-byte Reload
	addl	$1, %ecx
	cmpl	$4, %ecx
	jne	.LBB2_1
	jmp	.LBB2_4
.LBB2_4:
	movl	$4, %ecx
	callq	exit
	int3
	.seh_handlerdata
	.long	($cppxdata$mainCRTStartup)@IMGREL
	.text
	.seh_endproc
	.def	"?catch$5@?0?mainCRTStartup@4HA";
	.scl	3;
	.type	32;
	.endef
	.p2align	4, 0x90
"?catch$5@?0?mainCRTStartup@4HA":
.seh_proc "?catch$5@?0?mainCRTStartup@4HA"
	.seh_handler __CxxFrameHandler4, @unwind, @except
.LBB2_5:                                #   in Loop: Header=BB2_1 Depth=1
	movq	%rdx, 16(%rsp)
	pushq	%rbp
	.seh_pushreg %rbp
	subq	$32, %rsp
	.seh_stackalloc 32
	leaq	48(%rdx), %rbp
	.seh_endprologue
	movsbl	-1(%rbp), %edx
	leaq	"??_C@_08PCGOOLFO@char?5?$CFc?6?$AA@"(%rip), %rcx
	callq	printf
	leaq	.LBB2_3(%rip), %rax
	addq	$32, %rsp
	popq	%rbp
	retq                                    # CATCHRET
.Lfunc_end1:
	.seh_handlerdata
	.long	($cppxdata$catch5)@IMGREL
	.text
	.seh_endproc
	.section	.xdata,"dr"
	.p2align	2
$cppxdata$mainCRTStartup:
	.byte 0x38
	.long ($stateUnwindMap$mainCRTStartup)@IMGREL
	.long ($tryMap$mainCRTStartup)@IMGREL
	.long ($ip2state$mainCRTStartup)@IMGREL
$stateUnwindMap$mainCRTStartup:
	.byte 4, 8, 16
$tryMap$mainCRTStartup:
	.byte 2, 0, 0, 2
	.long ($handlerMap$0$mainCRTStartup)@IMGREL
$handlerMap$0$mainCRTStartup:
	.byte 2, 0x06
	.long "??_R0D@8"@IMGREL
	.byte 47<<1
	.long "?catch$5@?0?mainCRTStartup@4HA"@IMGREL
$ip2state$mainCRTStartup:
	.byte 6
	.byte ((.Lfunc_begin1)-(.Lfunc_begin1))*2
	.byte 0
	.byte ((.Ltmp14+1)-(.Lfunc_begin1))*2
	.byte 2
	.byte ((.Ltmp17+1)-(.Ltmp14+1))*2
	.byte 0
$cppxdata$catch5:
	.byte 0x21
	.long ($ip2state$catch5)@IMGREL
	.byte 56<<1
$ip2state$catch5:
	.byte 0
	.text
                                        # -- End function
	.data
	.globl	_fltused                        # @_fltused
	.p2align	2
_fltused:
	.long	1                               # 0x1

	.section	.rdata,"dr"
	.globl	"??_7type_info@@6B@"            # @"??_7type_info@@6B@"
	.p2align	4
"??_7type_info@@6B@":
	.zero	16

	.section	.data,"dw",discard,"??_R0H@8"
	.globl	"??_R0H@8"                      # @"??_R0H@8"
	.p2align	4
"??_R0H@8":
	.quad	"??_7type_info@@6B@"
	.quad	0
	.asciz	".H"
	.zero	5

	.section	.xdata,"dr",discard,"_CT??_R0H@84"
	.globl	"_CT??_R0H@84"                  # @"_CT??_R0H@84"
	.p2align	4
"_CT??_R0H@84":
	.long	1                               # 0x1
	.long	"??_R0H@8"@IMGREL
	.long	0                               # 0x0
	.long	4294967295                      # 0xffffffff
	.long	0                               # 0x0
	.long	4                               # 0x4
	.long	0                               # 0x0

	.section	.xdata,"dr",discard,_CTA1H
	.globl	_CTA1H                          # @_CTA1H
	.p2align	3
_CTA1H:
	.long	1                               # 0x1
	.long	"_CT??_R0H@84"@IMGREL

	.section	.xdata,"dr",discard,_TI1H
	.globl	_TI1H                           # @_TI1H
	.p2align	3
_TI1H:
	.long	0                               # 0x0
	.long	0                               # 0x0
	.long	0                               # 0x0
	.long	_CTA1H@IMGREL

	.section	.data,"dw",discard,"??_R0D@8"
	.globl	"??_R0D@8"                      # @"??_R0D@8"
	.p2align	4
"??_R0D@8":
	.quad	"??_7type_info@@6B@"
	.quad	0
	.asciz	".D"
	.zero	5

	.section	.xdata,"dr",discard,"_CT??_R0D@81"
	.globl	"_CT??_R0D@81"                  # @"_CT??_R0D@81"
	.p2align	4
"_CT??_R0D@81":
	.long	1                               # 0x1
	.long	"??_R0D@8"@IMGREL
	.long	0                               # 0x0
	.long	4294967295                      # 0xffffffff
	.long	0                               # 0x0
	.long	1                               # 0x1
	.long	0                               # 0x0

	.section	.xdata,"dr",discard,_CTA1D
	.globl	_CTA1D                          # @_CTA1D
	.p2align	3
_CTA1D:
	.long	1                               # 0x1
	.long	"_CT??_R0D@81"@IMGREL

	.section	.xdata,"dr",discard,_TI1D
	.globl	_TI1D                           # @_TI1D
	.p2align	3
_TI1D:
	.long	0                               # 0x0
	.long	0                               # 0x0
	.long	0                               # 0x0
	.long	_CTA1D@IMGREL

	.section	.rdata,"dr",discard,"??_C@_03KEJHNBPP@out?$AA@"
	.globl	"??_C@_03KEJHNBPP@out?$AA@"     # @"??_C@_03KEJHNBPP@out?$AA@"
"??_C@_03KEJHNBPP@out?$AA@":
	.asciz	"out"

	.section	.rdata,"dr",discard,"??_C@_02LMMGJAGL@in?$AA@"
	.globl	"??_C@_02LMMGJAGL@in?$AA@"      # @"??_C@_02LMMGJAGL@in?$AA@"
"??_C@_02LMMGJAGL@in?$AA@":
	.asciz	"in"

	.section	.rdata,"dr",discard,"??_C@_07JCDENEDP@int?5?$CFd?5?$AA@"
	.globl	"??_C@_07JCDENEDP@int?5?$CFd?5?$AA@" # @"??_C@_07JCDENEDP@int?5?$CFd?5?$AA@"
"??_C@_07JCDENEDP@int?5?$CFd?5?$AA@":
	.asciz	"int %d "

	.section	.rdata,"dr",discard,"??_C@_04NMDLKPLI@held?$AA@"
	.globl	"??_C@_04NMDLKPLI@held?$AA@"    # @"??_C@_04NMDLKPLI@held?$AA@"
"??_C@_04NMDLKPLI@held?$AA@":
	.asciz	"held"

	.section	.rdata,"dr",discard,"??_C@_06FDKEFCDF@after?5?$AA@"
	.globl	"??_C@_06FDKEFCDF@after?5?$AA@" # @"??_C@_06FDKEFCDF@after?5?$AA@"
"??_C@_06FDKEFCDF@after?5?$AA@":
	.asciz	"after "

	.section	.rdata,"dr",discard,"??_C@_08HOCHDCLP@work?5?$CFd?6?$AA@"
	.globl	"??_C@_08HOCHDCLP@work?5?$CFd?6?$AA@" # @"??_C@_08HOCHDCLP@work?5?$CFd?6?$AA@"
"??_C@_08HOCHDCLP@work?5?$CFd?6?$AA@":
	.asciz	"work %d\n"

	.section	.rdata,"dr",discard,"??_C@_08PCGOOLFO@char?5?$CFc?6?$AA@"
	.globl	"??_C@_08PCGOOLFO@char?5?$CFc?6?$AA@" # @"??_C@_08PCGOOLFO@char?5?$CFc?6?$AA@"
"??_C@_08PCGOOLFO@char?5?$CFc?6?$AA@":
	.asciz	"char %c\n"

	.section	.rdata,"dr",discard,"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"
	.globl	"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@" # @"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@"
"??_C@_04FEFDEOPA@?9?$CFs?5?$AA@":
	.asciz	"-%s "


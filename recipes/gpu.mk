# Models of every task on one GPU (an H200 or H100), in reckoned 25 minutes:
#   make -j 2 -C recipes -f gpu.mk DATA=../shared/data       or one file of it, such as ../runs/gpu/mrl.onnx
# A command ends after LIMIT seconds; given again, it goes on with folding, asking or training where it was. Recipes are the shipped
# models', with what recipes/gpu/ says otherwise, and what they make lies in runs/gpu/. Needs the extras fold and design for structure, and
# onnxruntime-gpu in place of onnxruntime for mrl: its teachers are asked about 1.5 million sequences, reckoned 20 minutes on 16 CPU cores.
# The same functions made mrl's eighth generation and backbone-nano on an H100; this file itself was only tried on a CPU, some twenty steps.
# For a trial: SMALL names a file of settings that win over all, NANO replaces the options of the pre-training.
include Makefile
.DEFAULT_GOAL := gpu
LIMIT ?= 540
SMALL ?=
NANO ?= $(PRETRAIN_nano)
# A dozen shapes of batches take longer to compile than most of these runs would last.
export TORCH_COMPILE_DISABLE ?= 1

# file                         minutes    reads   weights
GPU := structure.onnx            # 3.5     3 MB    0.8 MB  reckoned; and 17 of ViennaRNA on one core: -j 2 makes it beside the others, given three times
GPU += backbone-nano.safetensors # 2.5     6 MB   15.6 MB  measured: 2.1 on an H100 that four others used
GPU += mrl-wide.onnx             # 4       8 MB   15.8 MB  measured: 2.3 a network, four at once; one alone reckoned 1
GPU += mrl.onnx                  # 8      30 MB    2.1 MB  measured: 1.2 to draw, 2.9 to train; reckoned: to ask, and the rest
GPU += mrl.safetensors           # 0.5    30 MB    2.1 MB  reckoned, as those below
GPU += te.onnx                   # 2       4 MB    2.7 MB  with trees, on the CPUs
GPU += el.onnx                   # 2       4 MB    2.7 MB  with trees, on the CPUs
GPU += splice.onnx               # 1.5     9 MB    1.3 MB
OF_GPU = $(basename $(filter %.onnx,$(GPU)))

.PHONY: gpu
gpu: $(GPU:%=../runs/gpu/%)

merged = awk -f gpu/merge.awk $(wildcard gpu/$*.toml) $(SMALL) $*.toml
train = cd .. && timeout $(LIMIT) utrlm-$(1) --recipe runs/gpu/$*.toml --data '$(DATA)' \
    --checkpoint-dir runs/gpu/$* --output runs/gpu/$*.onnx

$(OF_GPU:%=../runs/gpu/%.onnx): ../runs/gpu/%.onnx: ../runs/gpu/%.toml $$(call named,$$(merged))
	$(call train,finetune)

$(OF_GPU:%=../runs/gpu/%.toml): ../runs/gpu/%.toml: $$(wildcard gpu/$$*.toml) $(SMALL) %.toml
	mkdir -p $(@D) && $(merged) > $@

../runs/gpu/mrl.safetensors: ../runs/gpu/%.safetensors: ../runs/gpu/%.onnx
	$(call train,export) --backbone-output $(here)

../runs/gpu/backbone-nano.safetensors: gpu/backbone-nano.toml $(FASTAS)
	cd .. && timeout $(LIMIT) utrlm-pretrain $(SPECIES:%=--fasta runs/utrs/%.fa) $(NANO) \
	    --checkpoint-dir runs/gpu/backbone-nano --output $(here)

# The shipped models on one H200, in about 25 minutes. NEVER RUN ON A GPU: minutes are reckoned from operations counted, a tenth
# of the GPU's peak and 60 GFLOP/s of each of 16 cores. Tried on a CPU, with some twenty steps: that every command works.
#   make -C recipes -f gpu.mk DATA=../shared/data       or one file of it, such as ../runs/gpu/mrl.onnx
# A command ends after LIMIT seconds; given again, it continues from its checkpoint. recipes/gpu/ says what differs from the
# CPU's recipe, whose tables it takes. For a trial: SMALL names a file of settings that win over both, NANO replaces those of
# the pre-training. Needs the extra fold for structure alone.
include Makefile
.DEFAULT_GOAL := gpu
LIMIT ?= 540
SMALL ?=
NANO ?= recipes/gpu/backbone-nano.toml
PRESET ?= nano
RANDOM_UTRS ?= 100000
EPOCHS ?= 30
# A dozen shapes of batches take longer to compile than most of these runs would last.
export TORCH_COMPILE_DISABLE ?= 1

# file                         minutes    reads   weights
GPU := backbone-nano.safetensors # 4       6 MB   15.8 MB
GPU += mrl-alone.onnx            # 4       8 MB   15.5 MB
GPU += mrl-alone.safetensors     # 0.5     8 MB    7.8 MB
GPU += mrl-others.onnx           # 1      16 MB   15.5 MB
GPU += mrl.onnx                  # 7      40 MB    7.8 MB  4 of them to ask the teachers on the CPUs, less with onnxruntime-gpu
GPU += mrl.safetensors           # 0.5     8 MB    7.8 MB
GPU += te.onnx                   # 2      10 MB    8.0 MB  and trees
GPU += el.onnx                   # 2      10 MB    8.0 MB  and trees
GPU += structure.onnx            # 2       2 MB    1.4 MB  ViennaRNA on the CPUs not counted
GPU += splice.onnx               # 2       9 MB    4.3 MB
OF_GPU = $(basename $(filter %.onnx,$(GPU)))

.PHONY: gpu
gpu: $(GPU:%=../runs/gpu/%)

train = cd .. && timeout $(LIMIT) utrlm-$(1) --recipe runs/gpu/$*.toml --data '$(DATA)' \
    --checkpoint-dir runs/gpu/$* --output runs/gpu/$*.onnx

$(OF_GPU:%=../runs/gpu/%.onnx): ../runs/gpu/%.onnx: ../runs/gpu/%.toml $$(call named,gpu/$$*.toml)
	$(call train,finetune)

$(OF_GPU:%=../runs/gpu/%.toml): ../runs/gpu/%.toml: gpu/%.toml %.toml $(SMALL)
	mkdir -p $(@D) && awk -f gpu/merge.awk $< $(SMALL) $*.toml > $@

../runs/gpu/mrl.safetensors ../runs/gpu/mrl-alone.safetensors: ../runs/gpu/%.safetensors: ../runs/gpu/%.onnx
	$(call train,export) --backbone-output $(here)

../runs/gpu/backbone-nano.safetensors: ../$(NANO) $(FASTAS)
	cd .. && timeout $(LIMIT) utrlm-pretrain $(SPECIES:%=--fasta runs/utrs/%.fa) --preset $(PRESET) --random $(RANDOM_UTRS) \
	    --epochs $(EPOCHS) --settings $(NANO) --checkpoint-dir runs/gpu/backbone-nano --output $(here)

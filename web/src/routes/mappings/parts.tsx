import { useNavigate } from "@tanstack/react-router";
import { ExternalLink, Pencil, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { mappingWord } from "../../api/live-state";
import type { Mapping } from "../../api/model";
import { publicName } from "../../api/public-url";
import { IconAnchor, IconButton, IconLink } from "../../ui/button";
import { CopyButton } from "../../ui/copy-button";
import { Menu } from "../../ui/menu";
import { State } from "../../ui/state";
import { Switch } from "../../ui/switch";
import { useToggleMapping } from "./use-mapping-actions";

export function MappingState({ mapping }: { mapping: Mapping }): ReactNode {
  const { tone, word, reason } = mappingWord(mapping);
  return (
    <State tone={tone} title={reason ?? undefined}>
      {word}
    </State>
  );
}

/** The reason of a state that needs one, as a line of its own. */
export function MappingReason({ mapping }: { mapping: Mapping }): ReactNode {
  const { tone, reason } = mappingWord(mapping);
  if (!reason || (tone !== "bad" && tone !== "warn")) return null;
  return <p className={`text-xs break-words ${tone === "bad" ? "text-bad" : "text-warn"}`}>{reason}</p>;
}

export function MappingSwitch({ mapping }: { mapping: Mapping }): ReactNode {
  const toggle = useToggleMapping();
  return (
    <Switch
      label={`${mapping.name} enabled`}
      checked={mapping.enabled}
      onChecked={() => {
        if (!toggle.isPending) toggle.mutate(mapping);
      }}
    />
  );
}

/** The public name, to open and to copy. */
export function PublicUrl({ mapping }: { mapping: Mapping }): ReactNode {
  const { publicUrl } = mapping;
  const name = publicName(mapping);
  return (
    <span className="flex min-h-7 min-w-0 items-center">
      <span className="min-w-0 truncate font-mono text-sm" title={publicUrl ?? name}>
        {name}
      </span>
      {publicUrl && (
        <>
          <IconAnchor
            icon={ExternalLink}
            label={`Open ${publicUrl}`}
            href={publicUrl}
            target="_blank"
            rel="noreferrer"
            className="ml-1 size-7"
          />
          <CopyButton text={publicUrl} label={`Copy ${publicUrl}`} className="size-7" />
        </>
      )}
    </span>
  );
}

interface ActionsProps {
  mapping: Mapping;
  onDelete: (mapping: Mapping) => void;
}

/** Edit and delete as buttons, always in sight: neither a keyboard nor a finger hovers. */
export function MappingActions({ mapping, onDelete }: ActionsProps): ReactNode {
  return (
    <span className="flex justify-end">
      <IconLink icon={Pencil} label={`Edit ${mapping.name}`} to="/mappings/$id" params={{ id: mapping.id }} />
      <IconButton icon={Trash2} label={`Delete ${mapping.name}`} onClick={() => onDelete(mapping)} />
    </span>
  );
}

/** The same behind one button, where there is little room. */
export function MappingMenu({ mapping, onDelete }: ActionsProps): ReactNode {
  const navigate = useNavigate();
  const { publicUrl } = mapping;
  return (
    <Menu
      label={`Actions for ${mapping.name}`}
      items={[
        {
          label: "Edit",
          icon: Pencil,
          onSelect: () => void navigate({ to: "/mappings/$id", params: { id: mapping.id } }),
        },
        ...(publicUrl
          ? [
              {
                label: "Open",
                icon: ExternalLink,
                onSelect: () => void window.open(publicUrl, "_blank", "noreferrer"),
              },
            ]
          : []),
        { label: "Delete", icon: Trash2, danger: true, onSelect: () => onDelete(mapping) },
      ]}
    />
  );
}
